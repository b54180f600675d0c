// How seats of the map are called together.
import { placeName } from "../parts.js";
import { t } from "../language.js";

/** "7–9" where their numbers follow on each other, else "7, 9": some halls have odd numbers on one side. */
export function numbersOf(seats) {
  const numbers = seats.map(({ number }) => number);
  const isRun = numbers.every((number, index) => !index || Math.abs(number - numbers[index - 1]) === 1);
  return numbers.length > 2 && isRun ? `${numbers[0]}–${numbers.at(-1)}` : numbers.join(", ");
}

/** "Stalls, row B, seats 3, 4"; row after row where they are of several. */
export function groupName(seats) {
  const byRow = new Map();
  for (const seat of seats) byRow.set(seat.row, [...(byRow.get(seat.row) ?? []), seat]);
  return [...byRow.values()].map(nameInRow).join("; ");
}

function nameInRow(seats) {
  const [{ row, number }] = seats;
  if (seats.length === 1) return placeName({ section: row.section, row: row.name, number });
  return t("seats-name", { section: row.section, row: row.name, numbers: numbersOf(seats) });
}
