// The hall as rows of seats; nothing here touches the page.

const STATES = { f: "free", h: "held", b: "booked", x: "blocked" };
/** So many prices have a colour of their own. */
export const TIERS = 4;
const PAGE_ROWS = 10;

/** Rows from front to back; a seat knows its section, row, state and price, its place among the seats of its row
 * (`column`) and among all columns of the row (`position`), both from 0, and how many columns are empty in front
 * of it. A row is as wide as the hall has it there, gaps behind its last seat counted, and knows the rank of its
 * price, its place among all rows (`index`) and among those of its section (`depth`). */
export function rowsOf(sections) {
  const rows = [];
  const tierOf = tiers(sections);
  sections.forEach((section, index) => {
    section.rows.forEach(({ name, columns, seats }, depth) => {
      const row = {
        section: section.name,
        sectionIndex: index,
        price: section.price,
        tier: tierOf[index],
        name,
        index: rows.length,
        depth,
      };
      row.seats = seats.map((seat, column) => ({
        ...seat,
        row,
        column,
        position: seat.column - 1,
        gap: seat.column - 1 - (column ? seats[column - 1].column : 0),
      }));
      row.width = Math.max(columns ?? 0, seats.at(-1).column);
      rows.push(row);
    });
  });
  return rows;
}

/** Rank of each section's price, 0 for the dearest; the last rank is for all that are cheaper. */
function tiers(sections) {
  const prices = [...new Set(sections.map(({ price }) => price))].sort((a, b) => b - a);
  return sections.map(({ price }) => Math.min(prices.indexOf(price), TIERS - 1));
}

/** The state that a letter of `seats/states` stands for. */
export const stateOfLetter = (letter) => STATES[letter];

export const isFree = (seat) => seat.state === "free";

/** The seat that a key leads to, null for other keys; rows stand centred. */
export function neighbour(rows, seat, { key, ctrlKey }) {
  const { row } = seat;
  const ahead = { ArrowUp: -1, ArrowDown: 1, PageUp: -PAGE_ROWS, PageDown: PAGE_ROWS }[key];
  if (ahead) {
    const next = rows[Math.min(Math.max(row.index + ahead, 0), rows.length - 1)];
    if (next === row) return seat;
    const position = seat.position + (next.width - row.width) / 2;
    const distance = (other) => Math.abs(other.position - position);
    return next.seats.reduce((best, other) => (distance(other) < distance(best) ? other : best));
  }
  if (ctrlKey && key === "Home") return rows[0].seats[0];
  if (ctrlKey && key === "End") return rows.at(-1).seats.at(-1);
  const last = row.seats.length - 1;
  const column = { ArrowLeft: seat.column - 1, ArrowRight: seat.column + 1, Home: 0, End: last }[key];
  return column === undefined ? null : row.seats[Math.min(Math.max(column, 0), last)];
}
