// The hall as rows of seats; nothing here touches the page.

const STATES = { f: "free", h: "held", b: "booked", x: "blocked" };
/** So many prices have a colour of their own. */
export const TIERS = 4;
const PAGE_ROWS = 10;

const KINDS = { a: "accessible", s: "standard", x: "blocked" };
const GAP = "_";

/** Rows from front to back, of sections as `seats/plan` has them: a letter for each column, a number for each seat.
 * A seat knows its row, kind and state, its place in the hall (`index`) and among the seats of its row
 * (`column`) and among all columns of the row (`position`), all from 0, and how many columns are empty in front
 * of it. Its `id` comes later. A row is as wide as the hall has it there, gaps behind its last seat counted, and knows
 * the rank of its price, its place among all rows (`index`) and among those of its section (`depth`). */
export function rowsOf(sections) {
  const rows = [];
  const tierOf = tiers(sections);
  let seats = 0;
  sections.forEach((section, index) => {
    section.rows.forEach(({ name, columns, letters, numbers }, depth) => {
      const row = {
        section: section.name,
        sectionIndex: index,
        price: section.price,
        tier: tierOf[index],
        name,
        index: rows.length,
        depth,
      };
      row.seats = seatsOf(row, letters, numbers, seats);
      row.width = Math.max(columns, letters.length);
      seats += row.seats.length;
      rows.push(row);
    });
  });
  return rows;
}

function seatsOf(row, letters, numbers, first) {
  const seats = [];
  let gap = 0;
  for (let position = 0; position < letters.length; position += 1) {
    const letter = letters[position];
    if (letter === GAP) {
      gap += 1;
      continue;
    }
    const column = seats.length;
    const [kind, state] = [KINDS[letter], letter === "x" ? "blocked" : "free"];
    seats.push({ id: null, number: numbers[column], kind, state, row, index: first + column, column, position, gap, node: null });
    gap = 0;
  }
  return seats;
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
