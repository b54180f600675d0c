// English or Russian, as the browser asks for, unless the person chose here.
import en from "./locales/en.js";
import ru from "./locales/ru.js";

const WORDS = { en, ru };
const KEPT = "parterre-language";

function chosen() {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // Storage is turned off.
  }
}

function preferred() {
  const known = [chosen(), ...navigator.languages].filter(Boolean).map((tag) => tag.slice(0, 2));
  return known.find((language) => language in WORDS) ?? "en";
}

export const language = preferred();
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
  let text = WORDS[language][key] ?? key;
  if (typeof text === "object") text = text[plural.select(values.n)] ?? text.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => filled(values[name]));
}

/** Adds the words of views that most people never open; they come with these. */
export const learn = (words) => Object.assign(WORDS[language], words);

export const has = (key) => key in WORDS[language];

export function choose(other) {
  try {
    localStorage.setItem(KEPT, other);
  } catch {
    return;
  }
  location.reload();
}
