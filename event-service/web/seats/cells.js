// The seats as buttons of a grid that arrow keys walk through. Only what is near the window is in the document; rows
// and columns say by number where they are in the whole.
import { h } from "../dom.js";
import { t } from "../language.js";

/** Elements on each side of the window, in pixels, so that scrolling finds them there. */
const MARGIN_PIXELS = 160;

export class Cells {
  constructor(map, layout) {
    Object.assign(this, { map, layout, shown: new Map(), seats: new WeakMap() });
    this.hasSections = map.sections.length > 1;
    this.node = h("div", {
      class: "cells",
      role: "grid",
      "aria-label": t("seat-map"),
      "aria-describedby": "map-keys",
      "aria-multiselectable": "true",
      "aria-rowcount": layout.rows.length,
      "aria-colcount": layout.columns + 1,
    });
    this.current = layout.rows[0]?.seats[0];
  }

  get count() {
    return this.node.querySelectorAll(".seat").length;
  }

  /** Puts what lies within `box` into the document; without a box only the seat that Tab leads to. */
  show(box, scale) {
    const ranges = box ? this.#ranges(box, scale) : new Map();
    const { row, column } = this.current;
    const [from, to] = ranges.get(row.index) ?? [column, column + 1];
    ranges.set(row.index, [Math.min(from, column), Math.max(to, column + 1)]);
    for (const [index, record] of this.shown) {
      if (ranges.has(index)) continue;
      this.#fill(record, 0, 0);
      record.node.remove();
      this.shown.delete(index);
    }
    let next = this.node.firstChild;
    for (const [index, range] of [...ranges].sort(([a], [b]) => a - b)) {
      const record = this.shown.get(index) ?? this.#newRow(this.layout.rows[index]);
      if (record.node === next) next = next.nextSibling;
      else this.node.insertBefore(record.node, next);
      record.node.style.top = `${this.layout.top(record.row, scale)}px`;
      this.#fill(record, ...range);
    }
  }

  #ranges({ left, top, width, height }, scale) {
    const [first, end] = this.layout.rowsBetween(top - MARGIN_PIXELS, top + height + MARGIN_PIXELS, scale);
    const rows = this.layout.rows.slice(first, end);
    const range = (row) =>
      this.layout.seatsBetween(row, left - MARGIN_PIXELS, left + width + MARGIN_PIXELS, scale);
    return new Map(rows.map((row) => [row.index, range(row)]));
  }

  #newRow(row) {
    const name = h("span", { class: "row-name", role: "rowheader", "aria-colindex": 1, dir: "auto" }, row.name);
    const node = h("div", { class: `row tier-${row.tier}`, role: "row", "aria-rowindex": row.index + 1 }, name);
    const record = { row, node, from: 0, to: 0 };
    this.shown.set(row.index, record);
    return record;
  }

  /** Brings the seats of a row from one range to another; those in both stay, with the focus they have. */
  #fill(record, from, to) {
    const { seats } = record.row;
    const isApart = to <= record.from || from >= record.to;
    const [keptFrom, keptTo] = isApart
      ? [record.from, record.from]
      : [Math.max(from, record.from), Math.min(to, record.to)];
    for (let index = record.from; index < record.to; index += 1)
      if (index < keptFrom || index >= keptTo) this.#remove(seats[index]);
    const [before, after] = isApart
      ? [seats.slice(from, to), []]
      : [seats.slice(from, keptFrom), seats.slice(keptTo, to)];
    record.node.firstChild.after(...before.map((seat) => this.#newSeat(seat)));
    record.node.append(...after.map((seat) => this.#newSeat(seat)));
    Object.assign(record, { from, to });
  }

  #remove(seat) {
    seat.node.remove();
    seat.node = null;
  }

  #newSeat(seat) {
    seat.node = h(
      "button",
      {
        type: "button",
        role: "gridcell",
        tabindex: seat === this.current ? 0 : -1,
        "aria-colindex": seat.position + 2,
      },
      h("span", {}, seat.number),
    );
    seat.node.style.setProperty("--column", seat.row.shift + seat.position);
    this.seats.set(seat.node, seat);
    name(seat);
    this.paint(seat);
    return seat.node;
  }

  paint(seat) {
    if (!seat.node) return;
    const { map } = this;
    const state = map.stateOf(seat);
    const isAccessible = seat.kind === "accessible";
    seat.node.className = `seat ${state}${state === "held" ? " taken" : ""}${isAccessible ? " accessible" : ""}`;
    seat.node.setAttribute("aria-selected", state === "chosen");
    seat.node.setAttribute("aria-disabled", state !== "chosen" && state !== "free");
    const label = t(isAccessible ? "accessible-seat-label" : "seat-label", {
      row: seat.row.name,
      number: seat.number,
      state: t(`seat.${state}`),
      price: map.money(seat.row.price),
    });
    seat.node.setAttribute("aria-label", this.hasSections ? `${seat.row.section}. ${label}` : label);
  }

  seatOf(target) {
    return this.seats.get(target.closest?.(".seat"));
  }

  /** The seats have their ids now. */
  name() {
    for (const { row, from, to } of this.shown.values()) row.seats.slice(from, to).forEach(name);
  }

  /** From now on Tab leads to this seat. It is in the document after the next show(). */
  setCurrent(seat) {
    if (this.current.node) this.current.node.tabIndex = -1;
    this.current = seat;
    if (seat.node) seat.node.tabIndex = 0;
  }
}

function name({ id, node }) {
  if (id) node.dataset.id = id;
}
