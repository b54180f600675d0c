// What several views are made of.
import { serverNow } from "./api.js";
import { h, icon, written } from "./dom.js";
import { clock, count, dateParts, localTime, minutes, priceFrom, shortZone } from "./format.js";
import { has, t } from "./language.js";

/** Whether a module could not be had; browsers say that in their own words. */
export const isNotLoaded = ({ message }) => /dynamically imported module|importing a module script/i.test(message);

/** A problem in plain words: ours where we know it, else the service's own. */
export function explain(problem) {
  if (isNotLoaded(problem)) return t("problem.not-loaded");
  if (!problem.code) {
    console.error(problem);
    return t("problem.unknown");
  }
  const key = `problem.${problem.code}`;
  if (!has(key)) return problem.status >= 500 ? t("problem.internal-error") : problem.message;
  return t(key, { n: problem.available ?? 0, seconds: problem.retryAfter ?? 1 });
}

export function alert(text) {
  return h("p", { class: "alert", role: "alert", dir: "auto" }, text);
}

export function badge(text, kind) {
  return h("span", { class: `badge ${kind}` }, text);
}

// Something that can be seen: no control, space or mark alone, nor a letter that is drawn as nothing.
const VISIBLE = /[^\p{C}\p{Z}\p{M}\u115f\u1160\u2800\u3164\uffa0]/u;

export const titleOf = (event) => (VISIBLE.test(event.title) ? event.title : t("untitled"));

/** "Town hall, Berlin", each in its own direction. */
export const venueOf = (event) => [written(event.venue), ", ", written(event.city)];

/** How many seats are left, as everybody understands it. */
export function availability(event, available = event.seats_available) {
  if (event.status === "cancelled") return badge(t("status.cancelled"), "bad");
  if (event.status === "draft") return badge(t("status.draft"), "plain");
  if (available <= 0) return badge(t("sold-out"), "bad");
  if (available <= Math.max(5, event.capacity * 0.1)) return badge(t("few-left", { n: available }), "warm");
  return badge(t("seats-left", { n: available, count: count(available) }), "good");
}

export function dateBlock(event) {
  const { day, month, weekday, year } = dateParts(event.starts_at, event.timezone);
  return h(
    "time",
    { class: "date", datetime: event.starts_at },
    h("span", { class: "weekday" }, weekday),
    h("span", { class: "day" }, day),
    h("span", { class: "month" }, Number(year) === new Date().getFullYear() ? month : `${month} ${year}`),
  );
}

// As many as cards.css has classes for.
const HUES = 10;

/** The same colour for the same words, without a picture; as `hue` of formats.py gives it. */
export function tint(element, words) {
  let hash = 0x811c9dc5; // FNV-1a
  for (const character of words.toLowerCase()) hash = Math.imul(hash ^ character.codePointAt(0), 0x01000193);
  element.classList.add(`hue-${(hash >>> 0) % HUES}`);
  return element;
}

export function eventCard(event, { href = `/events/${event.id}`, extra = null } = {}) {
  const card = h(
    "article",
    { class: `card ${event.status}` },
    dateBlock(event),
    h(
      "div",
      { class: "about" },
      event.category && h("p", { class: "category", dir: "auto" }, event.category),
      h("h2", { dir: "auto" }, h("a", { href, class: "cover" }, titleOf(event))),
      h(
        "p",
        { class: "fact" },
        icon("clock"),
        `${clock(event.starts_at, event.timezone)} ${shortZone(event.starts_at, event.timezone)}`,
      ),
      h("p", { class: "fact" }, icon("place"), h("span", {}, venueOf(event))),
      h("p", { class: "foot-line" }, h("span", { class: "price" }, priceFrom(event)), availability(event)),
      extra,
    ),
  );
  return tint(card, event.category || event.title);
}

let fields = 0;

/** A labelled input with room for a hint and its mistake. `control` replaces the input; `check` says
 * what is wrong with a value that browsers take. */
export function field({ label, name, hint, control, check, ...attributes }) {
  const id = `field-${++fields}`;
  const input = control ?? h(attributes.rows ? "textarea" : "input", { name, dir: "auto", ...attributes });
  input.id = id;
  input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
  const error = h("p", { class: "error", id: `${id}-error` });
  const hintPlace = h("p", { class: "hint", id: `${id}-hint` }, hint ?? "");
  const wrap = h(
    "div",
    { class: "field" },
    h("label", { for: id }, label),
    input,
    hintPlace,
    error,
  );
  wrap.mistake = (text) => {
    error.textContent = text;
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  wrap.hint = (text) => {
    hintPlace.textContent = text;
  };
  wrap.field = name;
  wrap.check = check;
  wrap.input = input;
  return wrap;
}

/** A form that sends once, says what is wrong beside the field, and never loses what was typed. */
export function form({ fields: wraps, submit, done, className = "form", children }) {
  const problemPlace = h("div", {});
  const button = h("button", { class: "primary" }, submit);
  const element = h(
    "form",
    { class: className, novalidate: true },
    children ?? wraps,
    problemPlace,
    h("div", { class: "actions" }, button),
  );
  let busy = false;
  element.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    wraps.forEach((wrap) => wrap.mistake(""));
    problemPlace.replaceChildren();
    const invalid = wraps.filter((wrap) => {
      const wrong = wrap.input.checkValidity() ? wrap.check?.(wrap.input.value) : invalidity(wrap.input);
      if (wrong) wrap.mistake(wrong);
      return wrong;
    });
    if (invalid.length) return invalid[0].input.focus();
    if (!element.reportValidity()) return;
    busy = true;
    setBusy(button, true);
    try {
      await done(Object.fromEntries(new FormData(element)), element);
    } catch (problem) {
      if (problem.name !== "AbortError") showProblem(problem, wraps, problemPlace);
    } finally {
      busy = false;
      setBusy(button, false);
    }
  });
  return element;
}

/** In the page's language: the browser has its own. */
export function invalidity({ validity, minLength, min, max, validationMessage }) {
  if (validity.valueMissing) return t("invalid.missing");
  if (validity.tooShort) return t("invalid.short", { n: minLength });
  if (min !== undefined && min !== "" && max !== "") return t("invalid.number", { min, max });
  return validationMessage;
}

function showProblem(problem, wraps, place) {
  const [other, known] = [[], []];
  for (const error of problem.errors ?? []) {
    const wrap = wraps.find(({ field: name }) => error.field.split(".").includes(name));
    (wrap ? known : other).push([wrap, error.message]);
  }
  known.forEach(([wrap, message]) => wrap.mistake(translated(message)));
  if (known.length) known[0][0].input.focus();
  if (!known.length || other.length) {
    const more = other.map(([, message]) => translated(message)).join("; ");
    place.replaceChildren(alert(more ? `${explain(problem)} ${more}` : explain(problem)));
  }
}

// What the services say with a sign or a number in it.
const MISTAKES = [
  [/^holds (?<sign>.+), which no mail server takes; type (?<meant>.+) instead$/, "mistaken.meant"],
  [/^holds (?<sign>.+), which no mail server takes before the @$/, "mistaken.sign"],
  [/^holds (?<sign>.+), which our mail server cannot take before the @$/, "mistaken.sign"],
  [/^has more than (?<n>\d+) characters$/, "mistaken.long"],
  [/^has more than (?<n>\d+) characters before the @$/, "mistaken.long-name"],
  [/^has more than (?<n>\d+) combining characters in a row$/, "mistaken.combining"],
  [/^must lie between (?<first>\d+) and (?<last>\d+)$/, "mistaken.between"],
];

export function translated(message) {
  if (has(`mistake.${message}`)) return t(`mistake.${message}`);
  for (const [pattern, key] of MISTAKES) {
    const found = pattern.exec(message);
    if (found) return t(key, found.groups);
  }
  return message;
}

export function setBusy(button, busy) {
  for (const name of ["aria-busy", "aria-disabled"]) {
    if (busy) button.setAttribute(name, "true");
    else button.removeAttribute(name);
  }
}

/** A button whose work runs once at a time. `work` may raise a Problem, which `failed` gets. */
export function actionButton(label, className, work, failed) {
  const button = h("button", { type: "button", class: className }, label);
  button.addEventListener("click", async () => {
    if (button.hasAttribute("aria-busy") || button.disabled) return;
    setBusy(button, true);
    try {
      await work(button);
    } catch (problem) {
      if (problem.name !== "AbortError") failed(problem);
    } finally {
      setBusy(button, false);
    }
  });
  return button;
}

const WARNED_MILLISECONDS = 60_000;

/** Ticks until `iso` by the server's clock, or until the view is left. `warn` hears of the last minute, once. */
export function countdown(iso, signal, ended, warn) {
  const ends = Date.parse(iso);
  const rest = h("span", { class: "rest", role: "timer" });
  let isLate = ends - serverNow() <= WARNED_MILLISECONDS;
  const tick = () => {
    const left = ends - serverNow();
    rest.textContent = minutes(left);
    if (!isLate && left <= WARNED_MILLISECONDS) {
      isLate = true;
      warn?.();
    }
    if (left > 0) return;
    clearInterval(timer);
    ended();
  };
  const timer = setInterval(tick, 1000);
  signal.addEventListener("abort", () => clearInterval(timer), { once: true });
  rest.textContent = minutes(ends - serverNow());
  const node = h("p", { class: "countdown" }, t("held-until", { time: localTime(iso) }), " ", rest);
  node.isLate = isLate;
  node.stop = () => clearInterval(timer);
  return node;
}

/** Minus, number, plus. */
export function stepper({ label, value = 1, min = 1, max, changed }) {
  const output = h("input", { type: "number", inputmode: "numeric", min, max, value, "aria-label": label });
  const put = (next) => {
    const limit = Number(output.max);
    output.value = Math.min(Math.max(min, Number.isFinite(next) ? Math.trunc(next) : min), limit);
    less.disabled = Number(output.value) <= min;
    more.disabled = Number(output.value) >= limit;
    changed?.(Number(output.value));
  };
  const less = h(
    "button",
    { type: "button", "aria-label": t("fewer"), onclick: () => put(Number(output.value) - 1) },
    "−",
  );
  const more = h(
    "button",
    { type: "button", "aria-label": t("more-of"), onclick: () => put(Number(output.value) + 1) },
    "+",
  );
  output.addEventListener("change", () => put(Number(output.value)));
  const element = h("div", { class: "stepper", role: "group", "aria-label": label }, less, output, more);
  element.setMax = (limit) => {
    output.max = Math.max(min, limit);
    put(Number(output.value));
  };
  Object.defineProperty(element, "number", { get: () => Number(output.value) });
  less.disabled = value <= min;
  more.disabled = value >= max;
  return element;
}

/** `heading`: where there is nothing else on the page, its title is the page's. */
export function empty(title, text, action, heading = "h2") {
  return h("div", { class: "empty" }, h(heading, {}, title), text && h("p", {}, text), action);
}

export function placeName(seat) {
  if (seat.section === null || seat.section === undefined) return t("general-admission");
  return t("seat-name", { section: seat.section, row: seat.row, number: seat.number });
}
