// The seat map: which seats there are, in which state, and which of them are chosen. What one sees of it is the plan.
import { h, written } from "./dom.js";
import { count, money } from "./format.js";
import { t } from "./language.js";
import { Plan } from "./seats/plan.js";
import { isFree, neighbour, rowsOf, stateOfLetter } from "./seating.js";

export class SeatMap {
  /** `changed` hears of each choice, `refused` of a seat that cannot be chosen. */
  constructor({ sections, event, changed, refused, signal }) {
    Object.assign(this, { sections, event, changed, refused, limit: event.max_seats_per_user });
    this.rows = rowsOf(sections);
    // In the order of the map, as the letters of their states come.
    this.seats = this.rows.flatMap((row) => row.seats);
    this.byId = new Map(this.seats.map((seat) => [seat.id, seat]));
    this.kinds = new Set(this.seats.map(({ kind }) => kind));
    this.chosen = new Map();
    this.mine = new Set();
    this.counters = [];
    this.plan = new Plan(this, this.#headings(), signal);
    this.node = this.plan.node;
    const cells = this.plan.cells.node;
    cells.addEventListener("click", (event) => this.#click(event));
    cells.addEventListener("keydown", (event) => this.#walk(event));
    cells.addEventListener("focusin", (event) => this.#arrive(event));
    this.#count();
  }

  money(price) {
    return money(price, this.event.currency, this.event.currency_digits);
  }

  stateOf(seat) {
    if (this.chosen.has(seat.id)) return "chosen";
    if (this.mine.has(seat.id)) return "mine";
    return seat.state === "booked" ? "taken" : seat.state;
  }

  get available() {
    return this.free.reduce((sum, free) => sum + free, 0);
  }

  /** A letter for each seat, from the server; what was chosen and is gone meanwhile is returned. False where these
   * letters are of another plan. */
  update(letters) {
    if (letters.length !== this.seats.length) return false;
    if (letters === this.letters) return [];
    this.letters = letters;
    const changed = this.seats.filter((seat, index) => {
      const state = stateOfLetter(letters[index]);
      if (seat.state === state) return false;
      seat.state = state;
      return true;
    });
    this.#paint(changed);
    return this.drop([...this.chosen.values()].filter((seat) => !isFree(seat)).map(({ id }) => id));
  }

  /** Seats are in another state, as an answer has told. */
  take(ids, state = "booked") {
    this.letters = null;
    const seats = ids.map((id) => this.byId.get(id)).filter(Boolean);
    for (const seat of seats) seat.state = state;
    this.#paint(seats);
    return state === "free" ? [] : this.drop(ids);
  }

  /** Shows seats as one's own. */
  own(ids) {
    const both = new Set([...this.mine, ...ids]);
    this.mine = new Set(ids);
    this.#paint([...both].map((id) => this.byId.get(id)).filter(Boolean));
  }

  drop(ids) {
    const gone = ids.map((id) => this.chosen.get(id)).filter(Boolean);
    gone.forEach(({ id }) => this.chosen.delete(id));
    if (gone.length) {
      this.plan.paint(gone);
      this.changed();
    }
    return gone;
  }

  /** These seats instead of what was chosen before. */
  choose(seats) {
    const before = [...this.chosen.values()];
    this.chosen = new Map(seats.map((seat) => [seat.id, seat]));
    this.plan.paint([...before, ...seats]);
    this.changed();
  }

  reveal(seat) {
    this.plan.reveal(seat);
  }

  #click({ target }) {
    const seat = this.plan.cells.seatOf(target);
    if (!seat || !this.plan.isClose) return;
    this.plan.focus(seat);
    this.#toggle(seat);
  }

  #toggle(seat) {
    if (this.mine.has(seat.id)) return this.refused(t("seat-mine"));
    if (!isFree(seat)) return this.refused(t({ blocked: "seat-blocked", held: "seat-held" }[seat.state] ?? "seat-taken"));
    if (this.chosen.has(seat.id)) this.chosen.delete(seat.id);
    else if (this.chosen.size >= this.limit) return this.refused(t("seat-limit", { n: this.limit }));
    else this.chosen.set(seat.id, seat);
    this.plan.paint([seat]);
    this.changed();
  }

  #walk(event) {
    const seat = this.plan.cells.seatOf(event.target);
    const next = seat && neighbour(this.rows, seat, event);
    if (!next) return;
    event.preventDefault();
    this.plan.focus(next);
  }

  /** Whoever comes by Tab to a hall that is shown whole is led near. */
  #arrive({ target }) {
    const seat = this.plan.cells.seatOf(target);
    if (seat && !this.plan.isClose) this.plan.focus(seat);
  }

  #headings() {
    return this.sections.map((section, index) => {
      const counter = h("span", { class: "left" });
      this.counters.push(counter);
      const { tier } = this.rows.find((row) => row.sectionIndex === index);
      const price = h("span", { class: "price" }, this.money(section.price));
      const swatch = h("span", { class: "swatch", "aria-hidden": "true" });
      const name = h("span", { class: "name" }, written(section.name));
      return h("div", { class: `section-heading tier-${tier}` }, h("h3", {}, swatch, name, " ", price, " ", counter));
    });
  }

  #paint(seats) {
    if (!seats.length) return;
    this.plan.paint(seats);
    this.#count();
  }

  #count() {
    const free = this.sections.map(() => 0);
    for (const seat of this.seats) if (isFree(seat)) free[seat.row.sectionIndex] += 1;
    this.free = free;
    this.counters.forEach((counter, index) => {
      counter.textContent = free[index]
        ? t("free-seats", { n: free[index], count: count(free[index]) })
        : t("sold-out");
    });
    this.statesChanged?.();
  }
}
