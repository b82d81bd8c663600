// A picture is saved as PNG with its title, legend and source, a table as CSV with all its rows.
const words = document.getElementById("main").dataset;
const WIDTH = 1200, EDGE = 24, LINE = 28; // pixels of a picture saved
const base = `tocsin-${words.night}-${location.pathname.split("/").pop().replace(/\.html$/, "")}`;
const separator = language === "fr" ? ";" : ","; // that the reader's spreadsheet expects
const plain = (part) => {
  const copy = part.cloneNode(true);
  for (const shown of copy.querySelectorAll("[aria-hidden]")) shown.remove();
  return copy.textContent.replace(/\s+/g, " ").trim();
};

/** What stands alone of a picture: what it refers to is within it, its colours are no variables. */
const alone = (svg) => {
  const copy = svg.cloneNode(true);
  const style = getComputedStyle(svg);
  const definitions = document.createElementNS(svg.namespaceURI, "defs");
  for (const [, id] of copy.outerHTML.matchAll(/(?:url\(|href=")#([\w-]+)/g))
    if (!copy.querySelector(`#${id}`) && !definitions.querySelector(`#${id}`))
      definitions.append(document.getElementById(id).cloneNode(true));
  copy.prepend(definitions);
  const { width, height } = svg.viewBox.baseVal;
  copy.setAttribute("width", WIDTH);
  copy.setAttribute("height", Math.round((WIDTH * height) / width));
  copy.setAttribute("font-family", "sans-serif");
  copy.style.color = style.color;
  return new XMLSerializer().serializeToString(copy)
    .replace(/var\((--[\w-]+)\)/g, (_, name) => style.getPropertyValue(name).trim());
};
/** Draws a text from x on, broken into lines; the height below it. */
const drawLines = (pen, text, x, y) => {
  let line = "";
  for (const word of text.split(" ")) {
    if (line && pen.measureText(`${line} ${word}`).width > WIDTH - x) {
      pen.fillText(line, x, y);
      y += LINE;
      line = "";
    }
    line = line ? `${line} ${word}` : word;
  }
  pen.fillText(line, x, y);
  return y + LINE;
};
const png = async (figure) => {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(alone(figure.querySelector("svg[viewBox]")))}`;
  await image.decode();
  const page = getComputedStyle(document.body);
  const heading = (figure.querySelector("h2") ? figure : figure.closest("section"))?.querySelector("h2");
  const caption = figure.querySelector("figcaption") ?? figure.closest("[data-zoom]");
  const legend = [...(caption?.querySelectorAll(".legend li") ?? [])].filter((item) => item.offsetParent);
  /** Everything but its height: drawn twice, as only the first time tells how high it is. */
  const draw = (canvas) => {
    const pen = canvas.getContext("2d");
    pen.fillStyle = page.backgroundColor;
    pen.fillRect(0, 0, canvas.width, canvas.height);
    pen.fillStyle = pen.strokeStyle = page.color;
    pen.font = "600 22px sans-serif";
    let y = drawLines(pen, document.title, EDGE, EDGE + LINE);
    pen.font = "18px sans-serif";
    if (heading) y = drawLines(pen, plain(heading), EDGE, y);
    pen.drawImage(image, EDGE, y);
    y += image.height + LINE;
    for (const item of legend) {
      const swatch = item.querySelector(".swatch");
      if (swatch) {
        pen.fillStyle = getComputedStyle(swatch).backgroundColor;
        pen.fillRect(EDGE, y - 16, 18, 18);
        pen.strokeRect(EDGE, y - 16, 18, 18);
        pen.fillStyle = page.color;
        if (swatch.matches(".hatched"))
          for (let at = 0; at < 18; at += 6) pen.fillRect(EDGE + at, y - 16, 2, 18);
      } else {
        const sign = item.querySelector(".sign");
        pen.fillStyle = getComputedStyle(sign).color;
        pen.fillText(sign.textContent, EDGE, y);
        pen.fillStyle = page.color;
      }
      y = drawLines(pen, plain(item), EDGE + LINE, y);
    }
    const rest = figure.querySelector("figcaption")?.cloneNode(true);
    for (const list of rest?.querySelectorAll("ul") ?? []) list.remove();
    if (rest) y = drawLines(pen, plain(rest), EDGE, y);
    return drawLines(pen, words.source, EDGE, y);
  };
  const canvas = tag("canvas", [], { width: WIDTH + 2 * EDGE, height: 1 });
  canvas.height = draw(canvas);
  draw(canvas);
  return new Promise((answer) => canvas.toBlob(answer));
};

/** One cell: numbers without the spaces within, and nothing that a spreadsheet would compute. */
const cell = (text) => {
  const value = text.replace(/(\d)[\u00a0\u202f ](?=\d{3}(\D|$))/g, "$1").replace(/^(?=[=+@]|-\D)/, "'");
  return /[",;\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
};
const csv = (rows) => new Blob( // the mark in front tells Excel that it is UTF-8
  ["\ufeff", rows.map((row) => row.map((text) => cell(`${text}`)).join(separator) + "\r\n").join("")],
  { type: "text/csv" },
);
const rowsOf = (table) => [...table.rows].map((row) => [...row.cells].map(plain));
/** Every month of the years drawn, also those without an event. */
const monthRows = () => {
  const { first, last, rows } = json("months");
  const heads = [...document.getElementById("months-heads").cells].map(plain);
  const counts = new Map(rows.map(([month, ...numbers]) => [month, numbers]));
  const months = [];
  for (const day = new Date(first); day <= new Date(last); day.setUTCMonth(day.getUTCMonth() + 1)) {
    const month = day.toISOString().slice(0, 7);
    months.push([month, ...(counts.get(month) ?? Array(heads.length - 1).fill(0))]);
  }
  return [heads, ...months];
};

const save = (text, name, contents) => {
  const button = tag("button", text, { type: "button" });
  button.addEventListener("click", async () => {
    const link = tag("a", [], { href: URL.createObjectURL(await contents()), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  });
  return button;
};
const numbered = (all, part) => {
  const of = part.closest("section[aria-labelledby]")?.getAttribute("aria-labelledby");
  return `${base}-${of ? `${of}-` : ""}${[...document.querySelectorAll(all)].indexOf(part) + 1}`;
};
for (const figure of document.querySelectorAll("figure")) {
  if (!figure.querySelector("svg[viewBox]")) continue;
  const name = numbered("figure", figure);
  const buttons = [save(words.png, `${name}.png`, () => png(figure))];
  if (figure.closest("section[aria-labelledby=history]"))
    buttons.push(save(words.csv, `${name}.csv`, () => csv(monthRows())));
  figure.append(tag("p", buttons, { class: "save" }));
}
for (const table of document.querySelectorAll(".scroll table"))
  table.closest(".scroll").after(
    tag("p", save(words.csv, `${numbered("table", table)}.csv`, () => csv(rowsOf(table))), { class: "save" }),
  );
for (const text of document.querySelectorAll("textarea[readonly]")) {
  const button = tag("button", words.copy, { type: "button" });
  button.addEventListener("click", () => {
    text.select();
    button.textContent = document.execCommand("copy") ? words.copied : words.copy; // also from disk
  });
  text.after(tag("p", button, { class: "save", "aria-live": "polite" }));
}
