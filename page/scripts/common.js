// What the others share; parts of a page marked `hidden data-script` appear where scripts run.
for (const part of document.querySelectorAll("[data-script]")) part.hidden = false;

const language = document.documentElement.lang;
const json = (id) => JSON.parse(document.getElementById(id).textContent);
const number = new Intl.NumberFormat(language).format;
const percent = new Intl.NumberFormat(language, { style: "percent" }).format;
/** A probability in whole per cents; what is small is not nothing. */
const chance = (p) => (p < 0.005 ? "<\u00a0" : "") + percent(Math.max(p, 0.01));
const inWords = (day, options) =>
  new Intl.DateTimeFormat(language === "en" ? "en-GB" : language, { timeZone: "UTC", ...options }).format(new Date(day));
const dayOf = (day) => inWords(day, { dateStyle: "long" });
/** A sentence of the page with its `{places}` filled. */
const filled = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const tag = (name, content = [], attributes = {}) => {
  const element = document.createElement(name);
  element.append(...[content].flat());
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};
const showInOtherLanguages = (address) => {
  for (const link of document.querySelectorAll("nav a[hreflang]")) link.hash = address;
};
