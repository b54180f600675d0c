// Sections of a new hall: so many rows of so many seats each.
import { h } from "./dom.js";
import { toMinor } from "./format.js";
import { t } from "./language.js";

const LETTERS = 26;

/** A to Z, then AA, AB and so on. */
export function rowName(index) {
  const last = String.fromCharCode(65 + (index % LETTERS));
  return index < LETTERS ? last : rowName(Math.floor(index / LETTERS) - 1) + last;
}

export class SectionRows {
  constructor(currency) {
    this.currency = currency;
    this.list = h("div", { class: "section-rows" });
    this.total = h("p", { class: "hint", role: "status" });
    const more = h(
      "button",
      {
        type: "button",
        class: "quiet small",
        onclick: () => {
          this.#add("", 5, 10).focus();
        },
      },
      t("add-section"),
    );
    this.node = h("div", {}, this.list, more, this.total);
    this.node.addEventListener("input", () => this.#sum());
    this.#add(t("section-default"), 10, 16);
  }

  read() {
    return [...this.list.children].map((line) => {
      const [name, price, rows, seats] = [...line.querySelectorAll("input")].map((input) =>
        input.value.trim(),
      );
      const section = {
        name,
        rows: Array.from({ length: Number(rows) }, (_, index) => ({
          name: rowName(index),
          seats: Number(seats),
        })),
      };
      if (price !== "") section.price = toMinor(price, this.currency());
      return section;
    });
  }

  #add(name, rows, seats) {
    const input = (label, more) => h("label", {}, h("span", {}, t(label)), h("input", more));
    const line = h(
      "div",
      { class: "section-row", role: "group", "aria-label": t("section") },
      input("section-name", { required: true, maxlength: 100, value: name, dir: "auto" }),
      input("section-price", { inputmode: "decimal", placeholder: t("as-above") }),
      input("rows", { type: "number", min: 1, max: 1000, value: rows, required: true }),
      input("seats-in-row", { type: "number", min: 1, max: 5000, value: seats, required: true }),
      h(
        "button",
        {
          type: "button",
          class: "link",
          "aria-label": t("remove-section"),
          onclick: () => {
            if (this.list.children.length > 1) line.remove();
            this.#sum();
          },
        },
        "×",
      ),
    );
    this.list.append(line);
    this.#sum();
    return line.querySelector("input");
  }

  #sum() {
    const seats = this.read().reduce(
      (sum, { rows }) => sum + rows.reduce((all, row) => all + row.seats, 0),
      0,
    );
    this.total.textContent = t("n-seats", { n: seats });
  }
}
