// The ids of seats, by which they are booked. They are most of a map's bytes and nothing of what one sees: they come
// when somebody has chosen.
import { get } from "../api.js";

export class SeatIds {
  #byId = null;
  #asked = null;

  constructor(map, signal) {
    Object.assign(this, { map, signal });
  }

  /** Whether the seats have their ids now; not so where the plan has changed meanwhile. Asked for once. Raises Problem. */
  read() {
    this.#asked ??= get(`/events/${this.map.event.id}/seats`, { signal: this.signal }).then(
      ({ sections }) => this.#give(sections),
      (problem) => {
        this.#asked = null;
        throw problem;
      },
    );
    return this.#asked;
  }

  /** Seats by their ids, as an answer names them; without those that are not known. */
  find(ids) {
    return ids.map((id) => this.#byId?.get(id)).filter(Boolean);
  }

  #give(sections) {
    const { rows, seats } = this.map;
    const given = sections.flatMap(({ name, price, rows: some }) => some.map((row) => ({ ...row, section: name, price })));
    const isSame = given.length === rows.length && rows.every((row, index) => isSameRow(row, given[index]));
    if (!isSame) return false;
    const ids = given.flatMap((row) => row.seats.map(({ id }) => id));
    seats.forEach((seat, index) => {
      seat.id = ids[index];
    });
    this.#byId = new Map(seats.map((seat) => [seat.id, seat]));
    this.map.plan.cells.name();
    return true;
  }
}

/** Also what is paid for it, and who may sit there: nobody buys what was not shown. */
const isSameRow = (row, { section, price, name, seats }) =>
  row.section === section &&
  row.price === price &&
  row.name === name &&
  row.seats.length === seats.length &&
  row.seats.every(({ number, kind }, index) => number === seats[index].number && kind === seats[index].kind);
