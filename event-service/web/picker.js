// "Two seats in the stalls, please": the best groups that are free, to choose by one press and without a map.
import { h } from "./dom.js";
import { isolate, t } from "./language.js";
import { stepper } from "./parts.js";
import { apart, bestGroups } from "./seats/groups.js";
import { numbersOf } from "./seats/names.js";
import { keepChoice, readChoice } from "./seats/choice.js";

const REDRAW_MILLISECONDS = 500;

/** `say` hears what cannot be had; `limit` is how many seats one may take. */
export class Picker {
  constructor(map, limit, say) {
    Object.assign(this, { map, say, timer: null });
    const { group, section } = readChoice(map.event.id);
    this.number = stepper({
      label: t("how-many"),
      value: Math.min(Math.max(Number(group) || 2, 1), limit),
      max: limit,
      changed: () => this.#asked(),
    });
    this.section = h(
      "select",
      { "aria-label": t("section"), onchange: () => this.#asked() },
      h("option", { value: "" }, t("any-section")),
      map.sections.map(({ name, price }, index) =>
        h("option", { value: index, selected: name === section }, `${isolate(name)} · ${map.money(price)}`),
      ),
    );
    this.accessible = h("input", { type: "checkbox", onchange: () => this.#asked() });
    this.list = h("ul", { class: "gallery", "aria-labelledby": "groups-title" });
    this.node = this.#node();
    map.statesChanged = () => this.#later();
    this.draw();
  }

  #node() {
    const best = h("button", { type: "button", class: "quiet", onclick: () => this.#best() }, t("pick-for-me"));
    return h(
      "div",
      { class: "picker" },
      h("h3", { id: "groups-title" }, t("best-groups")),
      h(
        "div",
        { class: "picker-form" },
        this.number,
        this.map.sections.length > 1 && this.section,
        this.map.kinds.has("accessible") && h("label", { class: "check" }, this.accessible, t("accessible-only")),
        best,
      ),
      this.list,
    );
  }

  get #options() {
    const { value } = this.section;
    const kind = this.accessible.checked ? "accessible" : "standard";
    return { section: value === "" ? null : Number(value), kind };
  }

  #asked() {
    const { section } = this.#options;
    const name = section === null ? null : this.map.sections[section].name;
    keepChoice(this.map.event.id, { group: this.number.number, section: name });
    this.draw();
  }

  /** Many states may change one after another. */
  #later() {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.draw();
    }, REDRAW_MILLISECONDS);
  }

  /** The groups as they are now; one that is still there keeps the focus. */
  draw() {
    const groups = bestGroups(this.map.rows, this.number.number, this.#options);
    const focused = this.list.contains(document.activeElement) && document.activeElement.dataset.group;
    const items = groups.map((seats) => this.#offer(seats));
    this.list.replaceChildren(...(items.length ? items : [h("li", { class: "none" }, t("none-together"))]));
    this.mark();
    if (focused) (this.#find(focused) ?? this.list.querySelector("button") ?? this.section).focus();
  }

  #find(group) {
    return [...this.list.querySelectorAll("button")].find(({ dataset }) => dataset.group === group);
  }

  #offer(seats) {
    const [{ row }] = seats;
    const n = seats.length;
    const price = this.map.money(row.price);
    const sum = n > 1 && row.price ? `${t("each", { price })} · ${this.map.money(row.price * n)}` : price;
    const where = [this.map.sections.length > 1 && row.section, t("seats-numbers", { n, numbers: numbersOf(seats) })];
    return h(
      "li",
      {},
      h(
        "button",
        { type: "button", class: `offer tier-${row.tier}`, data: { group: groupKey(seats) }, onclick: () => this.#take(seats) },
        h("strong", { dir: "auto" }, t("together-in-row", { n, row: row.name })),
        h("span", { dir: "auto" }, where.filter(Boolean).join(" · ")),
        h("span", { class: "price" }, sum),
      ),
    );
  }

  #take(seats) {
    this.map.choose(seats);
    this.map.reveal(seats[0]);
  }

  /** What is chosen stands out among the groups. */
  mark() {
    const key = groupKey([...this.map.chosen]);
    for (const button of this.list.querySelectorAll("button"))
      button.setAttribute("aria-pressed", button.dataset.group === key);
  }

  #best() {
    const [together] = bestGroups(this.map.rows, this.number.number, { ...this.#options, most: 1 });
    const seats = together ?? apart(this.map.rows, this.number.number, this.#options);
    if (!seats) return this.say(t("too-few-here"));
    this.#take(seats);
    if (!together) this.say(t("scattered"));
  }
}

const groupKey = (seats) =>
  seats
    .map(({ index }) => index)
    .sort()
    .join();
