// The hall as rows of seats, and which ones to take; nothing here touches the page.

/** Rows from front to back; a seat knows its section, row, state and price, its place among the seats of its row
 * (`column`) and among all columns of the row (`position`), both from 0, and how many columns are empty in front
 * of it. A row is as wide as its last column. */
export function rowsOf(sections) {
  const rows = [];
  sections.forEach((section, index) => {
    for (const { name, seats } of section.rows) {
      const row = {
        section: section.name,
        sectionIndex: index,
        price: section.price,
        name,
        index: rows.length,
      };
      row.seats = seats.map((seat, column) => ({
        ...seat,
        row,
        column,
        position: seat.column - 1,
        gap: seat.column - 1 - (column ? seats[column - 1].column : 0),
      }));
      row.width = seats.at(-1).column;
      rows.push(row);
    }
  });
  return rows;
}

const distanceFromMiddle = (seat, width) =>
  Math.abs(seat.position + (width - 1) / 2 - (seat.row.width - 1) / 2);

/** The best free seats side by side in a section, near the front and the middle; the best single
 * ones where no row has so many together; null where there are too few. */
export function pick(rows, sectionIndex, number) {
  const inSection = rows.filter((row) => row.sectionIndex === sectionIndex);
  let best = null;
  inSection.forEach((row, depth) => {
    for (const run of freeRuns(row, number)) {
      const score = depth * 1.5 + distanceFromMiddle(run[0], number);
      if (best === null || score < best.score) best = { score, seats: run };
    }
  });
  if (best) return best.seats;
  const free = inSection.flatMap((row, depth) =>
    row.seats.filter(isOffered).map((seat) => ({ seat, score: depth * 1.5 + distanceFromMiddle(seat, 1) })),
  );
  if (free.length < number) return null;
  return free
    .sort((a, b) => a.score - b.score)
    .slice(0, number)
    .map(({ seat }) => seat);
}

/** Whether nobody else, no gap and no aisle comes between them. */
export const areTogether = (seats) =>
  seats.every(
    (seat, index) => !index || (seat.row === seats[0].row && seat.position === seats[index - 1].position + 1),
  );

export const isFree = (seat) => seat.state === "free";

/** Accessible seats are for those who choose them. */
const isOffered = (seat) => isFree(seat) && seat.kind === "standard";

/** Every stretch of `number` free neighbours of a row. */
function* freeRuns(row, number) {
  let free = 0;
  for (const seat of row.seats) {
    free = isOffered(seat) ? (seat.gap ? 0 : free) + 1 : 0;
    if (free >= number) yield row.seats.slice(seat.column - number + 1, seat.column + 1);
  }
}

/** The seat that an arrow key leads to; rows stand centred. */
export function neighbour(rows, seat, key) {
  const row = seat.row;
  const ahead = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (ahead) {
    const next = rows[row.index + ahead];
    if (!next) return seat;
    const position = seat.position + (next.width - row.width) / 2;
    const distance = (other) => Math.abs(other.position - position);
    return next.seats.reduce((best, other) => (distance(other) < distance(best) ? other : best));
  }
  const column = {
    ArrowLeft: seat.column - 1,
    ArrowRight: seat.column + 1,
    Home: 0,
    End: row.seats.length - 1,
  }[key];
  return row.seats[Math.min(Math.max(column, 0), row.seats.length - 1)];
}

/** Rank of each section's price, 0 for the dearest. */
export function tiers(sections) {
  const prices = [...new Set(sections.map(({ price }) => price))].sort((a, b) => b - a);
  return sections.map(({ price }) => prices.indexOf(price));
}
