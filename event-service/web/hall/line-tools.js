// What is done with the row and the column that the grid means: names, copies, more and fewer.
import { h } from "../dom.js";
import { t } from "../language.js";
import { field } from "../parts.js";
import * as edits from "./edits.js";
import { GAP, hasSold } from "./plan.js";

// By the word of each: what rows are called by, and whether from the back.
const ROW_NAMES = {
  letters: ["letters", false],
  "letters-back": ["letters", true],
  numbers: ["numbers", false],
  "numbers-back": ["numbers", true],
};

export class LineTools {
  constructor(builder) {
    this.builder = builder;
    this.name = field({ label: t("hall.row-name"), name: "hall-row", maxlength: 20, autocomplete: "off" });
    this.rowTitle = h("h4", {});
    this.columnTitle = h("h4", {});
    this.names = h(
      "select",
      { "aria-label": t("hall.row-names") },
      h("option", { value: "" }, t("hall.row-names")),
      Object.keys(ROW_NAMES).map((word) => h("option", { value: word }, t(`hall.names.${word}`))),
    );
    this.#listen();
    this.node = this.#compose();
  }

  get row() {
    return Math.max(0, this.builder.grid.active.row);
  }

  get column() {
    return Math.max(0, this.builder.grid.active.column);
  }

  focusName() {
    this.name.input.focus();
  }

  #listen() {
    const { builder } = this;
    const rename = (isLive) => {
      this.name.mistake("");
      builder.change((sections) => edits.renameRow(sections, builder.index, this.row, this.name.input.value), {
        isLive,
      });
    };
    this.name.input.addEventListener("input", () => rename(true));
    this.name.input.addEventListener("change", () => rename(false));
    this.names.addEventListener("change", () => {
      const chosen = ROW_NAMES[this.names.value];
      if (chosen)
        builder.change((sections) => edits.renameRows(sections, builder.index, ...chosen));
      this.names.value = "";
    });
  }

  #compose() {
    const { builder } = this;
    const act = (word, change, row = 0, column = 0) =>
      h(
        "button",
        {
          type: "button",
          class: "quiet small",
          onclick: () => {
            const to = { row: this.row + row, column: this.column + column };
            if (builder.change((sections) => change(sections, builder.index))) builder.grid.activate(to);
          },
        },
        t(word),
      );
    return h(
      "div",
      { class: "hall-lines" },
      h(
        "div",
        { class: "hall-line", role: "group", "aria-label": t("hall.row") },
        this.rowTitle,
        this.name,
        h(
          "div",
          { class: "hall-buttons" },
          act("hall.row-copy", (sections, index) => edits.copyRow(sections, index, this.row), 1),
          act("hall.row-before", (sections, index) => edits.addRow(sections, index, this.row)),
          act("hall.row-after", (sections, index) => edits.addRow(sections, index, this.row + 1), 1),
          act("hall.row-remove", (sections, index) => edits.removeRow(sections, index, this.row)),
        ),
        this.names,
      ),
      h(
        "div",
        { class: "hall-line", role: "group", "aria-label": t("hall.column") },
        this.columnTitle,
        h(
          "div",
          { class: "hall-buttons" },
          act("hall.aisle-before", (sections, index) => edits.addColumn(sections, index, this.column, GAP)),
          act("hall.column-before", (sections, index) => edits.addColumn(sections, index, this.column)),
          act("hall.column-after", (sections, index) => edits.addColumn(sections, index, this.column + 1), 0, 1),
          act("hall.column-remove", (sections, index) => edits.removeColumn(sections, index, this.column)),
        ),
      ),
    );
  }

  show() {
    const { section, index, mistakes } = this.builder;
    const row = section.rows[Math.min(this.row, section.rows.length - 1)];
    this.rowTitle.textContent = t("hall.this-row", { row: row.name });
    this.columnTitle.textContent = t("hall.this-column", { column: this.column + 1 });
    if (this.name.input.value !== row.name) this.name.input.value = row.name;
    this.name.input.readOnly = hasSold(row);
    this.name.hint(hasSold(row) ? t("hall.locked") : "");
    const found = mistakes.find(
      (one) => one.section === index && one.row === this.row && one.part === "row-name",
    );
    this.name.mistake(found?.message ?? "");
  }
}
