// The map of past nights: a slider over nights or months, a second night beside it, what changed.
const told = document.getElementById("nights");
if (told) {
  const { places, nights, months, unsure_months: unsureMonths, months_count: monthsCount, bounds, newest } = json("nights");
  const words = json("night-words");
  const form = document.getElementById("when");
  const { show: shown, and: second } = form.elements;
  const slider = document.getElementById("when-night");
  const maps = document.getElementById("night-maps");
  const first = maps.querySelector("figure");
  const between = document.getElementById("between");
  const GROUNDS = ["i-calm", "i-some", "i-violent", "i-very_violent", "i-unknown"];
  const SIGNS = [null, "M0,-11A11,11 0 1 1 0,11A11,11 0 1 1 0,-11Z", "M0,-14L13,9L-13,9Z", "M0,-15L13,0L0,15L-13,0Z"];
  const COLOURS = ["watch", "warning", "alarm"];

  const numberOrDash = (value) => (value === null ? "–" : number(value));
  const chanceOrDash = (percents) => (percents === null ? "–" : chance(percents / 100));
  const monthOf = (day) => inWords(day, { month: "long", year: "numeric" });
  const sum = (values) => values.reduce((total, value) => total + (value ?? 0), 0);
  const isMonthly = () => shown.value !== "";
  const monthAgo = (ago) => {
    const month = new Date(newest);
    month.setUTCMonth(month.getUTCMonth() - ago);
    return month;
  };
  const nameOf = (i) => words.names[i][0];
  const fullName = (i) => (words.names[i][1] ? `${nameOf(i)} (${words.names[i][1]})` : nameOf(i));
  const all = [...places.keys()];
  const isOfCountries = places.every((id) => id.endsWith(".country"));

  for (const path of first.querySelectorAll("svg path[transform]")) path.remove(); // drawn below
  const other = first.cloneNode(true);
  other.querySelector("svg.outlines").remove(); // its patterns stand in the first
  other.hidden = true;
  maps.append(other);
  const shapes = new Map([first, other].map((figure) => {
    const by = new Map([...figure.querySelectorAll("[data-place]")].map((path) => [path.dataset.place, path]));
    return [figure, places.map((id) => by.get(id))];
  }));

  /** The middle of a shape's largest part, where its sign stands. */
  const middle = (shape) => {
    let [largest, x, y] = [0, 0, 0];
    for (const part of shape.getAttribute("d").split("M").slice(1)) {
      const at = part.match(/[\d.]+/g).map(Number);
      let [area, right, down] = [0, 0, 0];
      for (let i = 0; i < at.length; i += 2) {
        const [x1, y1, x2, y2] = [at[i], at[i + 1], at[(i + 2) % at.length], at[(i + 3) % at.length]];
        const cross = x1 * y2 - x2 * y1;
        area += cross;
        right += (x1 + x2) * cross;
        down += (y1 + y2) * cross;
      }
      if (Math.abs(area) > largest) [largest, x, y] = [Math.abs(area), right / (3 * area), down / (3 * area)];
    }
    const box = shape.getBBox();
    return largest ? new DOMPoint(x, y) : new DOMPoint(box.x + box.width / 2, box.y + box.height / 2);
  };
  const drawSigns = (figure, levels) => {
    const svg = figure.querySelector("div[aria-hidden] svg");
    svg.querySelector(".signs")?.remove();
    const layer = document.createElementNS(svg.namespaceURI, "g");
    layer.setAttribute("class", "signs");
    const sign = (i) => {
      const shape = shapes.get(figure)[i];
      const toPicture = svg.getScreenCTM().inverse().multiply(shape.getScreenCTM());
      const at = middle(shape).matrixTransform(toPicture);
      const path = document.createElementNS(svg.namespaceURI, "path");
      const attributes = {
        d: SIGNS[levels[i]], transform: `translate(${at.x},${at.y})`,
        fill: `var(--${COLOURS[levels[i] - 1]})`, stroke: "var(--paper)", "stroke-width": 2,
        "data-size": isOfCountries ? 0.55 : 1, // as on the first page
      };
      for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, value);
      layer.append(path);
    };
    const gravestLast = all.filter((i) => levels[i] > 0 && shapes.get(figure)[i]);
    gravestLast.sort((i, j) => levels[i] - levels[j]).forEach(sign);
    svg.append(layer);
    svg.dispatchEvent(new Event("redrawn", { bubbles: true })); // for map.js: of the size of its zoom
  };
  const paint = (figure, fillOf, tipOf) => {
    shapes.get(figure).forEach((shape, i) => {
      shape?.setAttribute("fill", fillOf(i));
      const title = shape?.querySelector("title");
      if (title) title.textContent = tipOf(i);
    });
  };
  const levelsOf = (night) => [...night.levels].map((level) => (level === "-" ? -1 : Number(level)));
  const levelIn = (night, i) => words.levels[night.levels[i]] ?? "–";
  const drawNight = (figure, night) => {
    figure.querySelector("h2").textContent = dayOf(night.day) + (night.is_stale ? ` (${words.stale})` : "");
    const fillOf = (i) => {
      const ground = GROUNDS[night.intensities[i] === "-" ? 4 : Number(night.intensities[i])];
      return night.unsure[i] === "1" ? `url(#hatch-${ground})` : `var(--${ground})`;
    };
    paint(figure, fillOf, (i) => filled(words.tip, {
      place: fullName(i), level: levelIn(night, i), p: chanceOrDash(night.chances[i]),
      v: numberOrDash(night.deaths[i]), w: numberOrDash(night.events[i]),
    }));
    drawSigns(figure, levelsOf(night));
  };

  const changes = (before, now) => {
    const list = [
      before.month === now.month
        ? filled(words.same_month, { x: monthOf(now.month) })
        : filled(words.months, { x: monthOf(before.month), y: monthOf(now.month) }),
    ];
    const [from, to] = [levelsOf(before), levelsOf(now)];
    const kind = (i) =>
      from[i] < 0 || to[i] < 0 ? "one_night" : !from[i] ? "new" : !to[i] ? "gone" : from[i] < to[i] ? "up" : "down";
    const moved = all.filter((i) => from[i] !== to[i]);
    moved.sort((i, j) => to[j] - to[i] || from[j] - from[i]);
    for (const i of moved)
      list.push(filled(words[kind(i)], {
        place: fullName(i), x: levelIn(before, i), y: levelIn(now, i), p: chanceOrDash(before.chances[i]), q: chanceOrDash(now.chances[i]),
      }));
    if (!moved.length) list.push(words.no_level);
    const by = (i) => Math.abs(now.chances[i] - before.chances[i]);
    const steady = all.filter((i) => from[i] === to[i] && by(i) >= 1);
    steady.sort((i, j) => by(j) - by(i));
    const moves = steady.slice(0, 5).map((i) =>
      filled(words.chance, { place: nameOf(i), p: chanceOrDash(before.chances[i]), q: chanceOrDash(now.chances[i]) }));
    list.push(moves.length ? filled(words.chances, { list: moves.join(", ") }) : words.no_chance);

    const since = nights.filter((night) => night.day > before.day && night.day <= now.day);
    const added = new Map();
    for (const [place, events, deaths] of since.flatMap((night) => night.added)) {
      const [n, killed] = added.get(place) ?? [0, 0];
      added.set(place, [n + events, killed + deaths]);
    }
    const most = [...added].sort(([i, [n]], [j, [m]]) => m - n || i - j).slice(0, 3);
    list.push(added.size
      ? filled(words.added, {
        n: number(sum([...added.values()].map(([n]) => n))),
        deaths: number(sum([...added.values()].map(([, killed]) => killed))),
        list: most.map(([i, [n]]) => `${i < 0 ? words.nowhere : nameOf(i)} ${number(n)}`).join(", "),
      })
      : words.none_added);
    const [changed, withdrawn] = ["changed", "withdrawn"].map((name) => sum(since.map((night) => night[name])));
    if (changed || withdrawn) list.push(filled(words.revised, { n: number(changed), w: number(withdrawn) }));
    list.push(filled(words.deaths, {
      x: number(sum(before.deaths)), y: number(sum(now.deaths)), v: number(sum(before.events)), w: number(sum(now.events)),
    }));
    return { list, count: moved.length };
  };
  /** What is below the maps: a heading, sentences, a table of the places of which there is something to tell. */
  const say = (heading, sentences, titles, heads, isTold, cellsOf) => {
    between.hidden = false;
    document.getElementById("changed").textContent = heading;
    const list = between.querySelector("ul");
    list.hidden = !sentences.length;
    list.replaceChildren(...sentences.map((text) => tag("li", text)));
    const place = tag("th", words.place, { scope: "col", rowspan: titles.length ? 2 : 1 });
    const columns = heads.map((text) => tag("th", text, { scope: "col", class: "n" }));
    const each = heads.length / (titles.length || 1);
    const above = titles.map((text) => tag("th", text, { scope: "colgroup", colspan: each, class: "n" }));
    between.querySelector("thead").replaceChildren(
      ...(above.length ? [tag("tr", [place, ...above]), tag("tr", columns)] : [tag("tr", [place, ...columns])]));
    const listed = all.filter(isTold);
    between.querySelector("tbody").replaceChildren(...listed.map((i) => {
      const link = tag("a", nameOf(i), { href: `${places[i].replace(".country", "")}.html` });
      const name = tag("th", [link, " ", tag("span", words.names[i][1], { class: "country" })], { scope: "row" });
      return tag("tr", [name, ...cellsOf(i).map((text) => tag("td", text, { class: "n" }))]);
    }));
    between.querySelector("p.small").textContent = filled(words.rest, { n: number(places.length - listed.length) });
  };
  const sayNights = (heading, sentences, those) => {
    const hasUnsure = those.some((night) => night.unsure.includes("1"));
    const columns = words.columns.slice(0, hasUnsure ? 5 : 4);
    say(
      heading, sentences,
      those.length > 1 ? those.map((night) => dayOf(night.day)) : [],
      those.flatMap(() => columns),
      (i) => those.some((night) => night.levels[i] !== "0" || night.deaths[i] !== 0 || night.events[i] !== 0 || night.unsure[i] === "1"),
      (i) => those.flatMap((night) => [
        `${words.signs[night.levels[i]] ?? ""} ${levelIn(night, i)}`.trim(), chanceOrDash(night.chances[i]),
        numberOrDash(night.deaths[i]), numberOrDash(night.events[i]), night.unsure[i] === "1" ? words.perhaps : "",
      ].slice(0, columns.length)),
    );
  };

  const drawMonth = (ago) => {
    const [events, deaths] = [1, 2].map((column) =>
      places.map((id) => months[id]?.find((row) => row[0] === ago)?.[column] ?? 0));
    const values = shown.value === "deaths" ? deaths : events;
    const isUnsure = (i) => Boolean(unsureMonths[ago]?.includes(i));
    const month = monthOf(monthAgo(ago));
    first.querySelector("h2").textContent = month;
    paint(first,
      (i) => (isUnsure(i) ? "url(#hatch-i-calm)" : `var(--c${bounds[shown.value].findLastIndex((bound) => values[i] >= bound)})`),
      (i) => filled(words.month_tip, { place: fullName(i), v: number(deaths[i]), w: number(events[i]) }));
    drawSigns(first, places.map(() => 0));
    const unsure = all.filter(isUnsure).map(fullName);
    say(
      filled(words.in_month, { month, day: dayOf(nights.at(-1).day) }),
      [filled(words.sums, { deaths: number(sum(deaths)), events: number(sum(events)) }),
        ...(unsure.length ? [filled(words.unsure, { list: unsure.join(", ") })] : [])],
      [], words.month_columns.slice(0, unsure.length ? 3 : 2),
      (i) => events[i] > 0 || isUnsure(i),
      (i) => [number(deaths[i]), number(events[i]), ...(unsure.length ? [isUnsure(i) ? words.perhaps : ""] : [])],
    );
  };
  const draw = () => {
    const at = Number(slider.value);
    document.getElementById("when-second").hidden = isMonthly();
    for (const [name, isShown] of [["levels", !isMonthly()], ["deaths", shown.value === "deaths"], ["events", shown.value === "events"]])
      document.getElementById(`legend-${name}`).hidden = !isShown;
    const [ofNight, ofMonth] = form.querySelectorAll(".slider label span");
    [ofNight.hidden, ofMonth.hidden] = [isMonthly(), !isMonthly()];
    const when = isMonthly() ? monthOf(monthAgo(monthsCount - 1 - at)) : dayOf(nights[at].day);
    slider.setAttribute("aria-valuetext", when);
    form.querySelector("output").textContent = when;
    const beside = isMonthly() ? null : nights.find((night) => night.day === second.value && night !== nights[at]);
    other.hidden = !beside;
    maps.classList.toggle("then-now", Boolean(beside) && beside.day < nights[at].day);
    if (isMonthly()) return drawMonth(monthsCount - 1 - at);
    drawNight(first, nights[at]);
    if (!beside) return sayNights(dayOf(nights[at].day), [], [nights[at]]);
    drawNight(other, beside);
    const [before, now] = beside.day < nights[at].day ? [beside, nights[at]] : [nights[at], beside];
    const { list, count } = changes(before, now);
    sayNights(filled(words.from_to, { x: dayOf(before.day), y: dayOf(now.day), n: number(count) }), list, [before, now]);
  };

  second.append(...[...nights].reverse().map((night) => tag("option", dayOf(night.day), { value: night.day })));
  const fromAddress = () => {
    const state = new URLSearchParams(location.hash.slice(1) || location.search);
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
    showInOtherLanguages(`#${state}`);
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
