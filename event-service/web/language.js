// English or Russian: the server has chosen, by what the person chose or else by what the browser asks for.
const LANGUAGES = ["en", "ru"];
const PARAMETER = "lang";
// Where older releases kept the choice, which is a cookie now.
const KEPT = "parterre-language";

export const language = document.documentElement.lang;
const words = (await import(`./locales/${language}.js`)).default;
/** For Intl: the browser's own region of our language, so that British and American dates differ. */
export const locale = navigator.languages.find((tag) => tag.startsWith(language)) ?? language;

const plural = new Intl.PluralRules(language);

const RIGHT_TO_LEFT =
  /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\u{10800}-\u{10fff}\u{1e800}-\u{1efff}\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
const DIRECTIONS = /[\u202a-\u202e\u2066-\u2069]/g;

/** What people wrote, so that its direction does not turn the words around it (UAX #9). */
export function isolate(text) {
  if (!RIGHT_TO_LEFT.test(text)) return text;
  return `\u2068${text.replace(DIRECTIONS, "")}\u2069`;
}

const filled = (value) => (typeof value === "string" ? isolate(value) : (value ?? ""));

/** t("seats", {n: 3}); a text with forms takes the one for n. */
export function t(key, values = {}) {
  let text = words[key] ?? key;
  if (typeof text === "object") text = text[plural.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => filled(values[name]));
}

/** Adds the words of views that most people never open; they come with these. */
export const learn = (more) => Object.assign(words, more);

export const has = (key) => key in words;

/** Loads the page anew in another language. */
export function choose(other) {
  const url = new URL(location.href);
  url.searchParams.set(PARAMETER, other);
  location.replace(url);
}

function takeOverChoice() {
  try {
    const kept = localStorage.getItem(KEPT);
    localStorage.removeItem(KEPT);
    if (LANGUAGES.includes(kept) && kept !== language) choose(kept);
  } catch {
    // Storage is turned off: nothing was kept.
  }
}

// A link that is passed on leaves the language to whoever gets it.
const url = new URL(location.href);
if (url.searchParams.has(PARAMETER)) {
  url.searchParams.delete(PARAMETER);
  history.replaceState(history.state, "", url);
}
takeOverChoice();
