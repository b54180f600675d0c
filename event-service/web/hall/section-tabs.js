// The sections of a hall: which one is drawn, and another.
import { h, written } from "../dom.js";
import { count, money } from "../format.js";
import { t } from "../language.js";
import * as edits from "./edits.js";
import { countRows } from "./plan.js";

export class SectionTabs {
  constructor(builder) {
    this.builder = builder;
    this.list = h("ul", { class: "hall-tabs", "aria-label": t("hall.sections") });
    const more = h(
      "button",
      { type: "button", class: "quiet small", onclick: () => this.#add() },
      t("add-section"),
    );
    this.node = h("div", { class: "hall-sections" }, this.list, more);
    this.shown = [];
  }

  show() {
    const { sections, index, mistakes } = this.builder;
    const wrong = new Set(mistakes.map(({ section }) => section));
    while (this.shown.length > sections.length) this.shown.pop().item.remove();
    sections.forEach((section, at) => {
      this.shown[at] ??= this.#tab(at);
      const { button } = this.shown[at];
      if (at === index) button.setAttribute("aria-current", "true");
      else button.removeAttribute("aria-current");
      const label = this.#label(section, wrong.has(at));
      if (this.shown[at].key !== label.key) button.replaceChildren(...label.parts);
      this.shown[at].key = label.key;
    });
  }

  #tab(at) {
    const button = h("button", { type: "button", class: "hall-tab", onclick: () => this.builder.open(at) });
    const item = h("li", {}, button);
    this.list.append(item);
    return { button, item };
  }

  #label({ name, price, rows }, isWrong) {
    const { seats } = countRows(rows);
    const { minor } = this.builder.price(price);
    const shown = `${t("hall.n-seats", { n: seats, count: count(seats) })}, ${money(minor, this.builder.currency())}`;
    return {
      key: `${name}|${shown}|${isWrong}`,
      parts: [
        h("span", { class: "hall-tab-name" }, written(name.trim() || t("hall.unnamed"))),
        " ",
        h("span", { class: "hall-tab-facts" }, shown),
        isWrong ? h("span", { class: "hall-tab-wrong" }, ` ${t("hall.has-mistakes")}`) : "",
      ],
    };
  }

  #add() {
    const { builder } = this;
    const name = edits.nextName(t("section"), builder.sections.map((section) => section.name));
    if (!builder.change((sections) => edits.addSection(sections, name))) return;
    builder.open(builder.sections.length - 1);
    builder.panel.focus("name");
  }
}
