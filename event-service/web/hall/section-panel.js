// What a section is called, what it costs, how its seats are numbered, how large it is.
import { h } from "../dom.js";
import { t } from "../language.js";
import { field } from "../parts.js";
import * as edits from "./edits.js";
import { RULES } from "./numbering.js";
import { MAX_COLUMNS, MAX_ROWS_OF_SECTION, sectionHasSold, widthOf } from "./plan.js";

const MIXED = "";

export class SectionPanel {
  constructor(builder) {
    this.builder = builder;
    this.fields = {
      name: field({ label: t("section-name"), name: "hall-section", maxlength: 100, autocomplete: "off" }),
      price: field({ label: t("section-price"), name: "hall-price", inputmode: "decimal", placeholder: t("as-above"), autocomplete: "off" }),
      numbering: field({ label: t("hall.numbering"), name: "hall-numbering", control: this.#rules() }),
      rows: this.#size("rows", MAX_ROWS_OF_SECTION),
      columns: this.#size("hall.places", MAX_COLUMNS),
    };
    this.#listen();
    this.buttons = {
      earlier: this.#button("hall.section-earlier", () => this.#move(-1)),
      later: this.#button("hall.section-later", () => this.#move(1)),
      copy: this.#button("hall.section-copy", () => this.#copy()),
      remove: this.#button("remove-section", () => this.#remove()),
    };
    const { name, price, numbering, rows, columns } = this.fields;
    this.node = h(
      "div",
      { class: "hall-panel", role: "group", "aria-label": t("section") },
      h("div", { class: "hall-fields" }, name, price, numbering, rows, columns),
      h("div", { class: "hall-buttons" }, Object.values(this.buttons)),
    );
  }

  #rules() {
    const option = (rule) => h("option", { value: rule }, t(`hall.rule.${rule || "mixed"}`));
    this.mixed = option(MIXED);
    return h("select", { name: "hall-numbering" }, this.mixed, RULES.map(option));
  }

  #size(word, max) {
    return field({ label: t(word), name: `hall-${word}`, type: "number", min: 1, max, inputmode: "numeric" });
  }

  #button(word, onclick) {
    return h("button", { type: "button", class: "link", onclick }, t(word));
  }

  #listen() {
    const { builder } = this;
    const { name, price, numbering, rows, columns } = this.fields;
    const typed = (wrap, change) => {
      const now = (isLive) => {
        wrap.mistake("");
        builder.change((sections) => change(sections, builder.index, wrap.input.value), { isLive });
      };
      wrap.input.addEventListener("input", () => now(true));
      wrap.input.addEventListener("change", () => now(false));
    };
    typed(name, edits.renameSection);
    typed(price, edits.priceSection);
    numbering.input.addEventListener("change", () => {
      if (numbering.input.value !== MIXED)
        builder.change((sections) => edits.number(sections, builder.index, numbering.input.value));
    });
    for (const wrap of [rows, columns])
      wrap.input.addEventListener("change", () => {
        if (!wrap.input.checkValidity() || !wrap.input.value) {
          wrap.mistake(t("invalid.number", { min: 1, max: wrap.input.max }));
          return;
        }
        wrap.mistake("");
        const [rowCount, columnCount] = [rows.input, columns.input].map(({ value }) => Number(value));
        builder.change((sections) => edits.resize(sections, builder.index, rowCount, columnCount));
      });
  }

  show() {
    const { section, index, sections, mistakes } = this.builder;
    const { name, price, numbering, rows, columns } = this.fields;
    const put = (wrap, value) => {
      if (wrap.input.value !== String(value)) wrap.input.value = value;
    };
    put(name, section.name);
    put(price, section.price);
    const rules = new Set(section.rows.map((row) => row.numbering));
    this.mixed.hidden = rules.size === 1;
    put(numbering, rules.size === 1 ? section.rows[0].numbering : MIXED);
    put(rows, section.rows.length);
    put(columns, widthOf(section));
    const isLocked = sectionHasSold(section);
    name.input.readOnly = isLocked;
    name.hint(isLocked ? t("hall.locked") : "");
    for (const part of ["name", "price"]) {
      const found = mistakes.find((one) => one.section === index && one.part === part && one.row === undefined);
      this.fields[part].mistake(found?.message ?? "");
    }
    this.buttons.earlier.hidden = index === 0;
    this.buttons.later.hidden = index === sections.length - 1;
    this.buttons.remove.hidden = sections.length === 1;
  }

  focus(part) {
    (this.fields[part] ?? this.fields.name).input.focus();
  }

  #move(by) {
    const { builder } = this;
    const to = builder.index + by;
    if (builder.change((sections) => edits.moveSection(sections, builder.index, by))) builder.open(to);
  }

  #copy() {
    const { builder } = this;
    const name = edits.nextName(builder.section.name, builder.sections.map((section) => section.name));
    if (!builder.change((sections) => edits.copySection(sections, builder.index, name))) return;
    builder.open(builder.index + 1);
    this.focus("name");
  }

  #remove() {
    const { builder } = this;
    const { name } = builder.section;
    if (!builder.change((sections) => edits.removeSection(sections, builder.index))) return;
    builder.say(t("hall.section-removed", { name }));
    this.focus("name");
  }
}
