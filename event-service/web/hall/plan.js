// The plan of a hall while it is drawn: sections of rows, a letter for each column. Nothing here touches the
// page, and nothing changes a plan: each change answers a new one that shares what has stayed.
import { numbersOf } from "./numbering.js";

export const SEAT = "s";
export const ACCESSIBLE = "a";
export const BLOCKED = "x";
export const GAP = "_";

// As the service takes them.
export const MAX_SECTIONS = 500;
export const MAX_ROWS_OF_SECTION = 1000;
export const MAX_ROWS = 10_000;
export const MAX_COLUMNS = 5000;
export const MAX_SEATS = 100_000;

const FREE = ".";
const SOLD = "b";
const ALPHABET = 26;

/** A change that would touch a seat that is booked or held. `row` is that row's name. */
export class SoldSeat extends Error {
  constructor(row) {
    super("sold");
    this.row = row;
  }
}

/** A change beyond what a hall may have; `limit` is the word of it. */
export class TooMuch extends Error {
  constructor(limit) {
    super("too much");
    this.limit = limit;
  }
}

/** A to Z, then AA, AB and so on. */
export function letterName(index) {
  const last = String.fromCharCode(65 + (index % ALPHABET));
  return index < ALPHABET ? last : letterName(Math.floor(index / ALPHABET) - 1) + last;
}

const sold = (length) => FREE.repeat(length);

export const newRow = (name, letters, numbering = "left") => ({
  name,
  letters,
  numbering,
  sold: sold(letters.length),
});

export function newSection(name, rows, columns) {
  const letters = SEAT.repeat(columns);
  return {
    name,
    price: "",
    rows: Array.from({ length: rows }, (_, index) => newRow(letterName(index), letters)),
  };
}

export const widthOf = (section) => section.rows[0].letters.length;
export const isSold = (row, column) => row.sold[column] === SOLD;
export const isEmptyRow = (row) => !/[^_]/.test(row.letters);
export const hasSold = (row) => row.sold.includes(SOLD);
export const sectionHasSold = (section) => section.rows.some(hasSold);

/** From the API's sections, `price` as text by `priceText`. `states` has a letter for each seat in the
 * plan's order (`/seats/states`): booked and held ones are locked. Rows are drawn as they stand in the hall,
 * narrower ones in the middle. */
export function readSections(sections, priceText, states = "") {
  let at = 0;
  return sections.map(({ name, price, rows }) => {
    const plain = rows.map((row) => (typeof row.seats === "number" ? SEAT.repeat(row.seats) : row.seats));
    const width = plain.reduce((widest, { length }) => Math.max(widest, length), 1);
    return {
      name,
      price: price === null || price === undefined ? "" : priceText(price),
      rows: rows.map((row, index) => {
        const letters = plain[index];
        const locks = [...letters].map((letter) => {
          const state = letter === GAP ? "f" : states[at++];
          return state === "b" || state === "h" ? SOLD : FREE;
        });
        const before = Math.floor((width - letters.length) / 2);
        const after = width - letters.length - before;
        return {
          name: row.name,
          numbering: row.numbering ?? "left",
          letters: GAP.repeat(before) + letters + GAP.repeat(after),
          sold: sold(before) + locks.join("") + sold(after),
        };
      }),
    };
  });
}

/** As the API takes them; `minor` makes a price of what was typed. Columns that are empty in all rows of a
 * section are left out at both ends. */
export function writeSections(sections, minor) {
  return sections.map(({ name, price, rows }) => {
    const [first, last] = ends(rows);
    const section = {
      name: name.trim(),
      rows: rows.map((row) => {
        const letters = row.letters.slice(first, last);
        const seats = letters === SEAT.repeat(letters.length) ? letters.length : letters;
        const written = { name: row.name.trim(), seats };
        return row.numbering === "left" ? written : { ...written, numbering: row.numbering };
      }),
    };
    return price.trim() === "" ? section : { ...section, price: minor(price) };
  });
}

function ends(rows) {
  let [first, last] = [Infinity, 0];
  for (const { letters } of rows) {
    const start = letters.search(/[^_]/);
    if (start < 0) continue;
    first = Math.min(first, start);
    last = Math.max(last, letters.replace(/_+$/, "").length);
  }
  return last ? [first, last] : [0, rows[0].letters.length];
}

const counted = new WeakMap();

/** `{seats, accessible, blocked, sold}` of a row; seats are those that are sold, accessible ones among them. */
function countRow(row) {
  if (!counted.has(row)) {
    const counts = { seats: 0, accessible: 0, blocked: 0, sold: 0 };
    for (const letter of row.letters) {
      if (letter === SEAT || letter === ACCESSIBLE) counts.seats += 1;
      if (letter === ACCESSIBLE) counts.accessible += 1;
      if (letter === BLOCKED) counts.blocked += 1;
    }
    for (const state of row.sold) if (state === SOLD) counts.sold += 1;
    counted.set(row, counts);
  }
  return counted.get(row);
}

export function countRows(rows) {
  const sum = { seats: 0, accessible: 0, blocked: 0, sold: 0 };
  for (const row of rows) {
    const counts = countRow(row);
    for (const name of Object.keys(sum)) sum[name] += counts[name];
  }
  return sum;
}

/** Replaces a row, if every sold seat stays one and keeps its number. Raises SoldSeat. */
export function checkedRow(before, after) {
  if (hasSold(before)) {
    const numbers = soldNumbers(before);
    const now = soldNumbers(after);
    const isKept = numbers.length === now.length && numbers.every((number, index) => number === now[index]);
    if (!isKept || before.name !== after.name) throw new SoldSeat(before.name);
  }
  return after;
}

/** The numbers of the sold seats of a row from left to right; one that is no seat any more counts as 0. */
function soldNumbers(row) {
  const numbers = numbersOf(row.letters, row.numbering);
  const found = [];
  for (let column = 0; column < row.letters.length; column += 1) {
    if (!isSold(row, column)) continue;
    found.push(row.letters[column] === BLOCKED ? 0 : numbers[column]);
  }
  return found;
}
