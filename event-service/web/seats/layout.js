// Where everything of a hall lies, at any scale. Seats are measured in columns and rows, which grow with the scale
// (pixels per column); the stage and the sections' headings keep their size.

const STAGE_PIXELS = 44;
const HEADING_PIXELS = 46;
const SECTION_GAP_PIXELS = 14;
const END_PIXELS = 12;
const GUTTER_PIXELS = 30;
const NARROW_GUTTER_PIXELS = 6;
/** From here on rows have their names beside them. */
const NAMED_ROWS_SCALE = 12;

/** Index of the first element for which `isBehind` is true; they come in order. */
function firstIndex(elements, isBehind) {
  let [low, high] = [0, elements.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (isBehind(elements[middle])) high = middle;
    else low = middle + 1;
  }
  return low;
}

export class Layout {
  /** `rows` as rowsOf() has them. A narrower row stands in the middle. */
  constructor(rows) {
    this.rows = rows;
    this.columns = rows.reduce((most, row) => Math.max(most, row.width), 1);
    this.headings = [];
    let fixed = STAGE_PIXELS;
    for (const row of rows) {
      if (row.sectionIndex === this.headings.length) {
        if (row.index) fixed += SECTION_GAP_PIXELS;
        this.headings.push({ row, fixed });
        fixed += HEADING_PIXELS;
      }
      row.fixed = fixed;
      row.shift = (this.columns - row.width) / 2;
    }
    this.fixed = fixed + END_PIXELS;
  }

  gutter(scale) {
    return scale >= NAMED_ROWS_SCALE ? GUTTER_PIXELS : NARROW_GUTTER_PIXELS;
  }

  width(scale) {
    return 2 * this.gutter(scale) + this.columns * scale;
  }

  height(scale) {
    return this.fixed + this.rows.length * scale;
  }

  /** The scale at which the hall is as wide as `width` pixels. */
  fit(width) {
    const scale = (width - 2 * GUTTER_PIXELS) / this.columns;
    if (scale >= NAMED_ROWS_SCALE) return scale;
    return Math.min((width - 2 * NARROW_GUTTER_PIXELS) / this.columns, NAMED_ROWS_SCALE - 0.01);
  }

  top(row, scale) {
    return row.fixed + row.index * scale;
  }

  left(seat, scale) {
    return this.gutter(scale) + (seat.row.shift + seat.position) * scale;
  }

  /** Indices of the first row that is seen between two heights, and of the first behind it. */
  rowsBetween(top, bottom, scale) {
    return [
      firstIndex(this.rows, (row) => this.top(row, scale) + scale > top),
      firstIndex(this.rows, (row) => this.top(row, scale) >= bottom),
    ];
  }

  /** The same for the seats of a row. */
  seatsBetween({ seats }, left, right, scale) {
    return [
      firstIndex(seats, (seat) => this.left(seat, scale) + scale > left),
      firstIndex(seats, (seat) => this.left(seat, scale) >= right),
    ];
  }

  /** The seat nearest to a point. */
  seatAt(x, y, scale) {
    const [index] = this.rowsBetween(y, y, scale);
    const row = this.rows[Math.min(index, this.rows.length - 1)];
    const distance = (seat) => Math.abs(this.left(seat, scale) + scale / 2 - x);
    const next = firstIndex(row.seats, (seat) => this.left(seat, scale) + scale / 2 >= x);
    const beside = [row.seats[next - 1], row.seats[next]].filter(Boolean);
    return beside.reduce((best, seat) => (distance(seat) < distance(best) ? seat : best));
  }

  /** Where a point lies at another scale. */
  moved(x, y, from, to) {
    const column = (x - this.gutter(from)) / from;
    const index = Math.max(0, firstIndex(this.rows, (row) => this.top(row, from) > y) - 1);
    const row = this.rows[index];
    const below = y - this.top(row, from);
    const inRow = Math.min(Math.max(below, 0), from);
    const beside = below - inRow;
    return [this.gutter(to) + column * to, this.top(row, to) + (inRow / from) * to + beside];
  }
}
