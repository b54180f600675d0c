// The seat map: which seats there are, in which state, and which of them are chosen. What one sees of it is the plan.
import { isSignedIn } from "./api.js";
import { h, written } from "./dom.js";
import { count, money } from "./format.js";
import { t } from "./language.js";
import { SeatIds } from "./seats/ids.js";
import { Plan } from "./seats/plan.js";
import { isFree, neighbour, rowsOf, stateOfLetter } from "./seating.js";

export class SeatMap {
  /** `states` are letters, and `version` is the event's, of which both are. `changed` hears of each choice, `refused` of
   * a seat that cannot be chosen. */
  constructor({ sections, states, version, event, changed, refused, signal }) {
    Object.assign(this, { sections, version, event, refused, limit: event.max_seats_per_user });
    this.rows = rowsOf(sections);
    // In the order of the map, as the letters of their states come.
    this.seats = this.rows.flatMap((row) => row.seats);
    this.kinds = new Set(this.seats.map(({ kind }) => kind));
    this.chosen = new Set();
    this.mine = new Set();
    this.ids = new SeatIds(this, signal);
    // Whoever is signed in and chooses will book. Where they cannot be had now, that is told then.
    this.changed = () => {
      if (this.chosen.size && isSignedIn()) this.ids.read().catch(() => null);
      changed();
    };
    this.#read(states);
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
    if (this.chosen.has(seat)) return "chosen";
    if (this.mine.has(seat)) return "mine";
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
    this.#paint(this.#read(letters));
    return this.drop([...this.chosen].filter((seat) => !isFree(seat)));
  }

  /** The seats whose state has changed. */
  #read(letters) {
    this.letters = letters;
    return this.seats.filter((seat, index) => {
      const state = stateOfLetter(letters[index]);
      if (seat.state === state) return false;
      seat.state = state;
      return true;
    });
  }

  /** Seats of this map by their places, `{section, row, number}`; without those that it does not have. */
  find(places) {
    this.rowsByName ??= new Map(this.rows.map((row) => [JSON.stringify([row.section, row.name]), row]));
    const rowOf = ({ section, row }) => this.rowsByName.get(JSON.stringify([section, row]));
    return places.map((place) => rowOf(place)?.seats.find(({ number }) => number === place.number)).filter(Boolean);
  }

  /** Seats are in another state, as an answer has told. */
  take(seats, state = "booked") {
    this.letters = null;
    for (const seat of seats) seat.state = state;
    this.#paint(seats);
    return state === "free" ? [] : this.drop(seats);
  }

  /** Shows seats as one's own. */
  own(seats) {
    const both = new Set([...this.mine, ...seats]);
    this.mine = new Set(seats);
    this.#paint([...both]);
  }

  drop(seats) {
    const gone = seats.filter((seat) => this.chosen.delete(seat));
    if (gone.length) {
      this.plan.paint(gone);
      this.changed();
    }
    return gone;
  }

  /** These seats instead of what was chosen before. */
  choose(seats) {
    const before = [...this.chosen];
    this.chosen = new Set(seats);
    this.plan.paint([...before, ...seats]);
    this.changed();
  }

  /** Where the seat is that has the focus; null where none has it. */
  get focusedPlace() {
    const seat = this.plan.cells.seatOf(document.activeElement);
    return seat ? { section: seat.row.section, row: seat.row.name, number: seat.number } : null;
  }

  /** Gives the seat of a place the focus; false where there is none. */
  focusPlace(place) {
    const [seat] = this.find([place]);
    if (seat) this.plan.focus(seat);
    return Boolean(seat);
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
    if (this.mine.has(seat)) return this.refused(t("seat-mine"));
    if (!isFree(seat)) return this.refused(t({ blocked: "seat-blocked", held: "seat-held" }[seat.state] ?? "seat-taken"));
    if (this.chosen.has(seat)) this.chosen.delete(seat);
    else if (this.chosen.size >= this.limit) return this.refused(t("seat-limit", { n: this.limit }));
    else this.chosen.add(seat);
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
