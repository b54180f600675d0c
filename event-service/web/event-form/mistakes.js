// What is wrong with a form: beside each field, and as a list of links above it.
import { h } from "../dom.js";
import { t } from "../language.js";
import { invalidity, translated } from "../parts.js";

/** A mistake is `{label, message, put, focus}`: `put()` shows it where it belongs, `focus()` goes there. */
export class MistakeSummary {
  constructor() {
    this.node = h("div", { class: "alert form-mistakes", tabindex: -1, hidden: true });
  }

  clear() {
    this.node.hidden = true;
    this.node.replaceChildren();
  }

  show(mistakes, ...more) {
    mistakes.forEach((mistake) => mistake.put?.());
    this.node.replaceChildren(
      h("h2", {}, t("form.mistakes", { n: mistakes.length })),
      h("ul", {}, mistakes.map(link)),
      ...more,
    );
    this.#open();
  }

  /** A refusal that belongs to no field. */
  tell(text, ...more) {
    this.node.replaceChildren(h("p", {}, text), ...more.filter(Boolean));
    this.#open();
  }

  #open() {
    this.node.hidden = false;
    this.node.focus({ preventScroll: true });
    this.node.scrollIntoView({ block: "center" });
  }
}

function link({ label, message, focus }) {
  const text = label ? `${label}: ${message}` : message;
  if (!focus) return h("li", { dir: "auto" }, text);
  const go = (event) => {
    event.preventDefault();
    focus();
  };
  return h("li", { dir: "auto" }, h("a", { href: "#main", onclick: go }, text));
}

export function ofField(wrap, message) {
  return {
    label: wrap.querySelector("label").textContent,
    message,
    put: () => {
      wrap.closest("details")?.setAttribute("open", "");
      wrap.mistake(message);
    },
    focus: () => wrap.input.focus(),
  };
}

/** What browsers and the fields themselves see. */
export function fieldMistakes(wraps) {
  return wraps.flatMap((wrap) => {
    if (wrap.input.disabled) return [];
    const wrong = wrap.input.checkValidity() ? wrap.check?.(wrap.input.value) : invalidity(wrap.input);
    return wrong ? [ofField(wrap, wrong)] : [];
  });
}

/** What the service refuses (its `errors`), each where it belongs; `elsewhere` finds mistakes of the plan. */
export function refusedMistakes(problem, wraps, elsewhere) {
  return (problem.errors ?? []).map(({ field, message }) => {
    const found = elsewhere(field, translated(message));
    if (found) return found;
    // What concerns several fields begins with the one that is to be changed.
    const names = [...field.split("."), message.split(" ")[0]];
    const wrap = wraps.find((one) => names.includes(one.field));
    return wrap ? ofField(wrap, translated(message)) : { message: translated(message) };
  });
}
