// The tools to draw with, and undo and redo.
import { h } from "../dom.js";
import { t } from "../language.js";
import { ACCESSIBLE, BLOCKED, GAP, SEAT } from "./plan.js";

// Key, letter; null moves the plan. Each shows what it draws.
const TOOLS = [
  ["seat", SEAT],
  ["accessible", ACCESSIBLE],
  ["blocked", BLOCKED],
  ["gap", GAP],
  ["move", null],
];

let toolbars = 0;

export class Toolbar {
  constructor(builder) {
    this.builder = builder;
    this.tool = SEAT;
    const name = `hall-tool-${++toolbars}`;
    this.radios = TOOLS.map(([key, letter]) => this.#radio(name, key, letter));
    this.undo = this.#button("hall.undo", () => builder.undo());
    this.redo = this.#button("hall.redo", () => builder.redo());
    this.node = h(
      "div",
      { class: "hall-toolbar" },
      h(
        "div",
        { class: "hall-tools", role: "radiogroup", "aria-label": t("hall.tools") },
        this.radios,
      ),
      h("div", { class: "hall-steps" }, this.undo, this.redo),
    );
  }

  #radio(name, key, letter) {
    const input = h("input", { type: "radio", class: "sr", name, value: key, checked: letter === SEAT });
    input.addEventListener("change", () => {
      this.tool = letter;
      this.show();
    });
    const sample = letter === null ? h("span", { class: "hall-hand", "aria-hidden": "true" }, "✥") : cell(key);
    return h("label", { class: "hall-tool" }, input, sample, t(`hall.tool.${key}`));
  }

  #button(word, onclick) {
    return h("button", { type: "button", class: "quiet small", onclick }, t(word));
  }

  show() {
    const { history, grid } = this.builder;
    // Not `disabled`: the focus would be lost.
    this.undo.setAttribute("aria-disabled", !history.past.length);
    this.redo.setAttribute("aria-disabled", !history.future.length);
    grid.node.classList.toggle("moving", this.tool === null);
  }
}

const cell = (kind) => h("span", { class: `hall-cell sample is-${kind}`, "aria-hidden": "true" });
