// Rules by which the seats of a row get their numbers; the same ones as the service's.

const GAP = "_";

export const RULES = [
  "left",
  "right",
  "odd-left",
  "odd-right",
  "even-left",
  "even-right",
  "odd-even",
  "even-odd",
];

/** How many seats stand left of where the sides part: at the gap nearest to the middle, else in the middle. */
function leftSide(letters, rule, seats) {
  let before = 0;
  let nearest = null;
  for (let column = 0; column < letters.length; column += 1) {
    if (letters[column] === GAP) continue;
    const distance = Math.abs(2 * before - seats);
    if (before && letters[column - 1] === GAP && (nearest === null || distance < nearest.distance))
      nearest = { distance, before };
    before += 1;
  }
  if (nearest) return nearest.before;
  return rule === "odd-even" ? Math.ceil(seats / 2) : Math.floor(seats / 2);
}

/** The number of the seat with this rank (from the left, from 1) among so many. */
function numberOf(rule, rank, seats, left) {
  switch (rule) {
    case "right":
      return seats - rank + 1;
    case "odd-left":
      return 2 * rank - 1;
    case "odd-right":
      return 2 * (seats - rank) + 1;
    case "even-left":
      return 2 * rank;
    case "even-right":
      return 2 * (seats - rank + 1);
    case "odd-even":
      return rank <= left ? 2 * (left - rank) + 1 : 2 * (rank - left);
    case "even-odd":
      return rank <= left ? 2 * (left - rank + 1) : 2 * (rank - left) - 1;
    default:
      return rank;
  }
}

/** By column, 0 for a gap. Blocked seats have numbers too. */
export function numbersOf(letters, rule) {
  let seats = 0;
  for (const letter of letters) if (letter !== GAP) seats += 1;
  const left = rule === "odd-even" || rule === "even-odd" ? leftSide(letters, rule, seats) : 0;
  let rank = 0;
  return Array.from(letters, (letter) => (letter === GAP ? 0 : numberOf(rule, (rank += 1), seats, left)));
}
