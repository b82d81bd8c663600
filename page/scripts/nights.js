// The map of past nights: a slider over nights or months, a second night beside it, what changed.
const told = document.getElementById("nights");
if (told) {
  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const { places, nights, months, months_count: monthsCount, bounds, newest } = json("nights");
  const words = json("night-words");
  const language = document.documentElement.lang;
  const form = document.getElementById("when");
  const { show: shown, and: second } = form.elements;
  const slider = document.getElementById("when-night");
  const maps = document.getElementById("night-maps");
  const first = maps.querySelector("figure");
  const between = document.getElementById("between");
  const GROUNDS = ["i-calm", "i-some", "i-violent", "i-very_violent", "i-unknown"];
  const SIGNS = [null, "M0,-11A11,11 0 1 1 0,11A11,11 0 1 1 0,-11Z", "M0,-14L13,9L-13,9Z", "M0,-15L13,0L0,15L-13,0Z"];
  const COLOURS = ["watch", "warning", "alarm"];

  const number = new Intl.NumberFormat(language).format;
  const percents = new Intl.NumberFormat(language, { style: "percent" });
  const chance = (p) => (p < 1 ? "<\u00a0" : "") + percents.format(Math.max(p, 1) / 100);
  const inWords = (day, options) =>
    new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { timeZone: "UTC", ...options }).format(new Date(day));
  const dayOf = (day) => inWords(day, { dateStyle: "long" });
  const monthOf = (day) => inWords(day, { month: "long", year: "numeric" });
  const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  const tag = (name, content, attributes = {}) => {
    const element = document.createElement(name);
    element.append(...[content].flat());
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
  const isMonthly = () => shown.value !== "";
  const monthAgo = (ago) => {
    const month = new Date(newest);
    month.setUTCMonth(month.getUTCMonth() - ago);
    return month;
  };

  for (const path of first.querySelectorAll("svg path[transform]")) path.remove(); // drawn below
  const shapes = (figure) =>
    new Map([...figure.querySelectorAll("[data-place]")].map((path) => [path.dataset.place, path]));
  const other = first.cloneNode(true);
  other.querySelector("svg.outlines")?.remove(); // its patterns stand in the first
  other.hidden = true;
  maps.append(other);

  /** Signs of the levels, in the middle of their regions. */
  const sign = (figure, levels) => {
    const svg = figure.querySelector("div[aria-hidden] svg");
    svg.querySelector(".signs")?.remove();
    const layer = document.createElementNS(svg.namespaceURI, "g");
    layer.setAttribute("class", "signs");
    svg.append(layer);
    const by = shapes(figure);
    places.forEach(([id], i) => {
      const level = Number(levels[i]);
      if (!level) return;
      const box = by.get(id).getBBox();
      const path = document.createElementNS(svg.namespaceURI, "path");
      const toPicture = svg.getScreenCTM().inverse().multiply(by.get(id).getScreenCTM());
      const at = new DOMPoint(box.x + box.width / 2, box.y + box.height / 2).matrixTransform(toPicture);
      path.setAttribute("d", SIGNS[level]);
      path.setAttribute("transform", `translate(${at.x} ${at.y})`);
      path.setAttribute("fill", `var(--${COLOURS[level - 1]})`);
      path.setAttribute("stroke", "var(--paper)");
      path.setAttribute("stroke-width", "2");
      layer.append(path);
    });
  };
  const paint = (figure, fillOf) => {
    const by = shapes(figure);
    places.forEach(([id], i) => by.get(id).setAttribute("fill", fillOf(i, id)));
  };
  const drawNight = (figure, night) => {
    const title = dayOf(night.day) + (night.is_stale ? ` (${words.stale})` : "");
    figure.querySelector("h2").textContent = title;
    paint(figure, (i) => {
      const ground = GROUNDS[night.intensities[i] === "-" ? 4 : Number(night.intensities[i])];
      return night.hatched[i] === "1" ? `url(#hatch-${ground})` : `var(--${ground})`;
    });
    sign(figure, [...night.levels].map((level) => (level === "-" ? 0 : level)));
  };
  const drawMonth = (ago) => {
    const at = shown.value === "deaths" ? 2 : 1;
    const figures = new Map(Object.entries(months).map(([id, rows]) => [id, rows.find((row) => row[0] === ago)]));
    const values = (column) => sum([...figures.values()].map((row) => row?.[column] ?? 0));
    first.querySelector("h2").textContent = filled(words.in_month, {
      month: monthOf(monthAgo(ago)), deaths: number(values(2)), events: number(values(1)),
    });
    const steps = bounds[shown.value];
    paint(first, (_, id) => {
      const value = figures.get(id)?.[at] ?? 0;
      return `var(--c${steps.findLastIndex((bound) => value >= bound)})`;
    });
    sign(first, places.map(() => 0));
  };

  const changes = (before, now) => {
    const name = (i) => places[i][1];
    const list = [
      before.month === now.month
        ? filled(words.same_month, { x: monthOf(now.month) })
        : filled(words.months, { x: monthOf(before.month), y: monthOf(now.month) }),
    ];
    const moved = places.map((_, i) => i).filter((i) => before.levels[i] !== now.levels[i]);
    moved.sort((i, j) => now.levels[j] - now.levels[i] || before.levels[j] - before.levels[i]);
    const level = (night, i) => words.levels[night.levels[i]] ?? "–";
    const p = (night, i) => (night.chances[i] === null ? "–" : chance(night.chances[i]));
    for (const i of moved)
      list.push(filled(words.moved, { place: name(i), x: level(before, i), y: level(now, i), p: p(before, i), q: p(now, i) }));
    if (!moved.length) list.push(words.no_level);
    const by = (i) => Math.abs(now.chances[i] - before.chances[i]);
    const steady = places.map((_, i) => i).filter((i) => before.levels[i] === now.levels[i] && by(i) >= 1);
    steady.sort((i, j) => by(j) - by(i));
    const chances = steady.slice(0, 5).map((i) => filled(words.chance, { place: name(i), p: p(before, i), q: p(now, i) }));
    list.push(chances.length ? filled(words.chances, { list: chances.join(", ") }) : words.no_chance);
    list.push(filled(words.deaths, {
      x: number(sum(before.deaths)), y: number(sum(now.deaths)), v: number(sum(before.events)), w: number(sum(now.events)),
    }));
    return list;
  };
  const fillTable = (before, now) => {
    const [region, ...columns] = words.columns;
    const heads = [before, now].flatMap((night) => columns.map((text) => tag("th", `${text}, ${dayOf(night.day)}`, { scope: "col", class: "n" })));
    between.querySelector("thead tr").replaceChildren(tag("th", region, { scope: "col" }), ...heads);
    const isTold = (i) => [before, now].some((night) => Number(night.levels[i]) > 0 || night.deaths[i] > 0);
    const rows = places.flatMap(([, name], i) => {
      if (!isTold(i)) return [];
      const cells = [before, now].flatMap((night) => [
        `${words.signs[night.levels[i]] ?? ""} ${words.levels[night.levels[i]] ?? "–"}`.trim(),
        night.chances[i] === null ? "–" : chance(night.chances[i]),
        night.deaths[i] === null ? "–" : number(night.deaths[i]),
        night.events[i] === null ? "–" : number(night.events[i]),
      ]);
      return [tag("tr", [tag("th", tag("a", name, { href: `${places[i][0].replace(".country", "")}.html` }), { scope: "row" }), ...cells.map((text) => tag("td", text, { class: "n" }))])];
    });
    between.querySelector("tbody").replaceChildren(...rows);
  };

  const draw = () => {
    const isOfMonths = isMonthly();
    document.getElementById("when-second").hidden = isOfMonths;
    document.getElementById("legend-levels").hidden = isOfMonths;
    document.getElementById("legend-months").hidden = !isOfMonths;
    const at = Number(slider.value);
    if (isOfMonths) {
      other.hidden = between.hidden = true;
      drawMonth(monthsCount - 1 - at);
      slider.setAttribute("aria-valuetext", monthOf(monthAgo(monthsCount - 1 - at)));
      const legend = bounds[shown.value].map((bound, i) =>
        tag("li", [tag("span", [], { class: "swatch", style: `background:var(--c${i})` }), bound ? `≥ ${bound}` : "0"]));
      document.querySelector("#legend-months ul").replaceChildren(...legend);
      return;
    }
    const night = nights[at];
    slider.setAttribute("aria-valuetext", dayOf(night.day));
    drawNight(first, night);
    const beside = nights.find((one) => one.day === second.value);
    other.hidden = between.hidden = !beside || beside === night;
    if (other.hidden) return;
    drawNight(other, beside);
    const [before, now] = beside.day < night.day ? [beside, night] : [night, beside];
    document.getElementById("changed").textContent = filled(words.from_to, { x: dayOf(before.day), y: dayOf(now.day) });
    between.querySelector("ul").replaceChildren(...changes(before, now).map((text) => tag("li", text)));
    fillTable(before, now);
  };

  second.append(...nights.map((night) => tag("option", dayOf(night.day), { value: night.day })));
  const fromAddress = () => {
    const state = new URLSearchParams(location.hash.slice(1));
    shown.value = state.get("show") ?? "";
    if (shown.selectedIndex < 0) shown.value = "";
    const count = isMonthly() ? monthsCount : nights.length;
    slider.max = count - 1;
    const at = isMonthly()
      ? [...Array(count).keys()].find((i) => monthAgo(count - 1 - i).toISOString().startsWith(state.get("month") ?? "-"))
      : nights.findIndex((night) => night.day === state.get("night"));
    slider.value = at >= 0 ? at : count - 1;
    const before = nights.at(-2)?.day ?? "";
    second.value = state.has("night") || state.has("and") ? state.get("and") ?? "" : before;
    if (second.selectedIndex < 0) second.value = "";
    draw();
  };
  const toAddress = () => {
    const at = Number(slider.value);
    const state = new URLSearchParams();
    if (isMonthly()) {
      state.set("show", shown.value);
      state.set("month", monthAgo(monthsCount - 1 - at).toISOString().slice(0, 7));
    } else {
      state.set("night", nights[at].day);
      if (second.value) state.set("and", second.value);
    }
    history.replaceState(null, "", `#${state}`);
    for (const link of document.querySelectorAll("nav a[hreflang]")) link.hash = `#${state}`;
  };
  form.addEventListener("input", (event) => {
    if (event.target === shown) {
      slider.max = (isMonthly() ? monthsCount : nights.length) - 1;
      slider.value = slider.max;
    }
    draw();
    toAddress();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  window.addEventListener("hashchange", fromAddress);
  fromAddress();
}
