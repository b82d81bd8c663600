// Finds, filters and sorts regions, and sets two side by side. The state stands in the address
// behind "#", the one part of it that a page on disk may change.
const SHOWN = 200; // rows at first: a world has thousands

/** A name as it is compared: no accents, no case, no signs. */
const folded = (name) =>
  name.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, " ").trim();

/** Letters to add, drop, change or swap to make one name of the other; above `most`: more than it. */
const distance = (a, b, most) => {
  if (Math.abs(a.length - b.length) > most) return most + 1;
  let [before, last, row] = [[], [], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    [before, last, row] = [last, row, [i]];
    for (let j = 1; j <= b.length; j++) {
      const change = last[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row[j] = Math.min(last[j] + 1, row[j - 1] + 1, change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        row[j] = Math.min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.length];
};

const signed = (points) =>
  points === 0 ? "0" : new Intl.NumberFormat(language, { signDisplay: "always" }).format(points);
const points = (place) => Math.round(place.chance * 100) - Math.round(place.chance_before * 100);
const badge = (kind, i) => document.getElementById(`${kind}-${i}`).content.cloneNode(true);

const find = document.getElementById("find");
const box = document.getElementById("to-find"); // on the first page: leads to the list
if (box) {
  box.addEventListener("submit", (event) => {
    event.preventDefault();
    location.assign(`regions.html#${new URLSearchParams({ q: box.elements.q.value })}`);
  });
}

if (find) {
  const data = json("places");
  const words = json("words");
  const places = data.rows.map((row, n) => ({
    name: data.names[n],
    ...Object.fromEntries(data.columns.map((column, i) => [column, row[i]])),
  }));
  for (const place of places)
    place.names = [place.name, ...place.spellings].map((name) => ({ name, folded: folded(name) }));
  const byId = new Map(places.map((place) => [place.id, place]));
  const signalKeys = [...find.elements.signal.options].slice(1).map((option) => option.value);
  const pair = document.getElementById("pair");
  const found = document.getElementById("found");
  const whole = document.getElementById("whole"); // the page as it is without a question
  const more = document.getElementById("more");
  const controls = [...find.elements, ...pair.elements].filter((control) => control.name);

  const ORDERS = {
    deaths: (a, b) => b.deaths - a.deaths || b.chance - a.chance,
    chance: (a, b) => b.chance - a.chance,
    change: (a, b) => points(b) - points(a) || b.chance - a.chance,
    people: (a, b) => (b.people ?? -1) - (a.people ?? -1),
    name: (a, b) => a.name.localeCompare(b.name, language),
  };

  /** Places by a name, with the spelling that led there; whether it is one of theirs. */
  const called = (q, among) => {
    const asked = folded(q);
    const hits = among.flatMap((place) => {
      const name = place.names.find((n) => ` ${n.folded}`.includes(` ${asked}`));
      return name ? [{ place, name: name.name }] : [];
    });
    if (hits.length || asked.length < 4) return { hits, isKnown: true };
    const most = asked.length < 8 ? 1 : 2;
    const near = among.flatMap((place) =>
      place.names.map((n) => {
        const start = n.folded.split(" ").slice(0, asked.split(" ").length).join(" ");
        return { place, name: n.name, away: distance(asked, start, most) };
      }),
    );
    const nearest = near.filter((hit) => hit.away <= most).sort((a, b) => a.away - b.away);
    const seen = new Set(); // of a place its nearest name; of equally near places the first
    return { hits: nearest.filter(({ place }) => !seen.has(place.id) && seen.add(place.id)), isKnown: false };
  };

  const resultRow = ({ place, name }) => {
    const label = [tag("a", place.name, { href: `${place.id}.html` })];
    const country = data.countries[place.country];
    label.push(" ", tag("span", country, { class: "country" }));
    if (name && name !== place.name)
      label.push(" ", tag("span", filled(words.as, { name }), { class: "small" }));
    const figures = [chance(place.chance), signed(points(place)), number(place.deaths), number(place.events)];
    const cells = figures.map((text) => tag("td", text, { class: "n" }));
    return tag("tr", [
      tag("th", label, { scope: "row" }),
      tag("td", badge("level", place.level)),
      ...cells,
      tag("td", badge("intensity", place.intensity)),
      tag("td", place.people === null ? words.not_known : number(place.people), { class: "n" }),
    ]);
  };

  const pairOf = (state) => {
    const [a, b] = ["a", "b"].map((name) => byId.get(state.get(name)));
    return a && b && a !== b ? [a, b] : null;
  };

  const show = (state, most = SHOWN) => {
    const isAsked = ["q", "country", "level", "signal", "sort"].some((name) => state.get(name));
    found.hidden = !isAsked;
    whole.hidden = isAsked || pairOf(state) !== null;
    if (!isAsked) return;
    const signal = signalKeys.indexOf(state.get("signal"));
    const level = ["none", "watch", "warning", "alarm"].indexOf(state.get("level"));
    const among = places.filter(
      (place) =>
        (!state.get("country") || place.country === state.get("country")) &&
        (state.get("level") !== "flagged" || place.level > 0) &&
        (level < 0 || place.level === level) &&
        (signal < 0 || place.signals.includes(signal)),
    );
    const q = (state.get("q") ?? "").trim();
    const { hits, isKnown } = folded(q)
      ? called(q, among)
      : { hits: among.map((place) => ({ place })), isKnown: true };
    const order = ORDERS[state.get("sort")];
    if (order) hits.sort((a, b) => order(a.place, b.place));
    const count = filled(words.found, { n: number(hits.length), all: number(places.length) });
    const note = hits.length ? (isKnown ? "" : filled(words.nearest, { q })) : q ? words.none : "";
    found.querySelector("p").textContent = [count, note].filter(Boolean).join(" ");
    found.querySelector("tbody").replaceChildren(...hits.slice(0, most).map(resultRow));
    found.querySelector(".scroll").hidden = !hits.length;
    more.hidden = hits.length <= most;
    more.textContent = filled(words.more, { n: number(hits.length - most) });
    more.onclick = () => show(state, Infinity);
  };

  const bars = (place) => {
    const highest = Math.max(...place.months.map(([, events]) => events), 0);
    const text = filled(words.per_month, { n: number(highest) });
    const SVG = "http://www.w3.org/2000/svg";
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 96 24");
    svg.setAttribute("class", "spark");
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", text);
    for (const [ago, events] of place.months) {
      const bar = document.createElementNS(SVG, "rect");
      const height = Math.max((22 * events) / highest, 1);
      const box = { x: 4 * (23 - ago), y: 24 - height, width: 3, height };
      for (const [key, value] of Object.entries(box)) bar.setAttribute(key, value);
      svg.append(bar);
    }
    return [svg, " ", tag("span", text, { class: "small" })];
  };

  const sentences = (a, b) => {
    const [x, y] = [a, b].map((place) => document.getElementById(`level-${place.level}`).content.textContent.trim());
    const list = [
      a.level === b.level ? filled(words.same_level, { level: x }) : filled(words.levels, { a: a.name, x, b: b.name, y }),
    ];
    const said = (key, same, value, shown) => {
      const [high, low] = value(a) >= value(b) ? [a, b] : [b, a];
      const pair = { a: high.name, x: shown(value(high)), b: low.name, y: shown(value(low)) };
      list.push(filled(pair.x === pair.y ? words[same] : words[key], pair));
      return high;
    };
    said("chances", "same_chance", (place) => place.chance, chance);
    const moved = { a: a.name, x: signed(points(a)), b: b.name, y: signed(points(b)) };
    if (points(a) || points(b)) list.push(filled(words.rising, moved));
    const deadlier = said("deaths", "same_deaths", (place) => place.deaths, number);
    if (a.deaths_rate !== null && b.deaths_rate !== null && a.deaths_rate !== b.deaths_rate) {
      const [high, low] = a.deaths_rate > b.deaths_rate ? [a, b] : [b, a];
      const isSame = high === deadlier && a.deaths !== b.deaths;
      const rates = { a: high.name, x: number(high.deaths_rate), y: number(low.deaths_rate) };
      list.push(filled(isSame ? words.rates : words.other_rates, rates));
    }
    const names = (signals) => signals.map((i) => data.signals[i]).join(", ");
    for (const [one, other] of [[a, b], [b, a]]) {
      const only = one.signals.filter((i) => !other.signals.includes(i));
      if (only.length) list.push(filled(words.only, { a: one.name, b: other.name, signals: names(only) }));
    }
    const both = a.signals.filter((i) => b.signals.includes(i));
    if (both.length) list.push(filled(words.both, { signals: names(both) }));
    return list;
  };

  const known = (value) => (value === null ? words.not_known : number(value));
  const day = (text) => (text === null ? words.not_known : dayOf(text));
  const FACTS = [
    (p) => badge("level", p.level),
    (p) => badge("intensity", p.intensity),
    (p) => chance(p.chance),
    (p) => signed(points(p)),
    (p) => number(p.deaths),
    (p) => number(p.events),
    (p) => number(p.events_usual),
    (p) => number(p.events_newest),
    (p) => known(p.deaths_rate),
    (p) => known(p.people),
    (p) => day(p.newest_event),
    bars,
  ];

  const compare = (state) => {
    const facts = document.getElementById("facts");
    const apart = document.getElementById("apart");
    const pair = pairOf(state);
    facts.hidden = apart.hidden = pair === null;
    if (pair === null) return;
    const [a, b] = pair;
    apart.querySelector("ul").replaceChildren(...sentences(a, b).map((text) => tag("li", text)));
    facts.querySelectorAll("thead th").forEach((head, i) => {
      const place = [a, b][i];
      head.replaceChildren(tag("a", place.name, { href: `${place.id}.html` }));
    });
    const rows = FACTS.map((fact, i) => {
      const cells = [a, b].map((place) => tag("td", fact(place), { class: "n" }));
      return tag("tr", [tag("th", words.facts[i], { scope: "row" }), ...cells]);
    });
    facts.querySelector("tbody").replaceChildren(...rows);
  };

  for (const select of pair.elements) {
    const groups = new Map();
    for (const place of [...places].sort(ORDERS.name)) {
      const country = data.countries[place.country];
      if (!groups.has(country)) groups.set(country, tag("optgroup", [], { label: country }));
      groups.get(country).append(tag("option", place.name, { value: place.id }));
    }
    const sorted = [...groups].sort(([a], [b]) => a.localeCompare(b, language));
    select.append(tag("option", words.choose, { value: "" }), ...sorted.map(([, group]) => group));
  }

  const inAddress = () => new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
  const fromAddress = () => {
    const state = inAddress();
    for (const control of controls) control.value = state.get(control.name) ?? "";
    show(state);
    compare(state);
  };
  const fromControls = (isNew) => {
    const asked = controls.filter((control) => control.value);
    const state = new URLSearchParams(asked.map((control) => [control.name, control.value]));
    const address = `#${state}`;
    if (address !== location.hash && (location.hash || state.size)) {
      if (isNew) history.pushState(null, "", address);
      else history.replaceState(null, "", address);
      showInOtherLanguages(address);
    }
    show(state);
    compare(state);
  };
  for (const form of [find, pair]) {
    form.addEventListener("input", (event) => fromControls(event.target.tagName === "SELECT"));
    form.addEventListener("submit", (event) => event.preventDefault());
  }
  find.addEventListener("reset", (event) => {
    event.preventDefault();
    for (const control of find.elements) if (control.name) control.value = "";
    fromControls(true);
  });
  window.addEventListener("hashchange", fromAddress);
  window.addEventListener("popstate", fromAddress);
  fromAddress();
  const asked = inAddress(); // by a link of a region's page
  if (asked.get("a")) pair.elements[asked.get("b") ? "a" : "b"].focus();
}
