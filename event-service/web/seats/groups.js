// Which free seats a group gets, by the rule that the services book by (event_service/bookings/adjacent.py):
// neighbours in one row, no seat left single, the front row, the middle of the row as it stands in the hall.

const MAX_ALTERNATIVES = 3;
// A row lies about as far behind the next as two seats are wide.
const ROW_DEPTH_SEATS = 2;
// How far around a seat others are looked for when none are side by side, and around how many.
const NEAR_ROWS = 2;
const MAX_SEEDS = 150;

const isOffered = (seat, kind) => seat.state === "free" && seat.kind === kind;

/** Neighbouring free seats of a kind, from left to right: where a run begins and how long it is. */
function* runsOf(row, kind) {
  let first = null;
  for (const seat of row.seats) {
    const goesOn = first !== null && seat.gap === 0;
    const isFree = isOffered(seat, kind);
    if (first !== null && !(goesOn && isFree)) {
      yield { row, first, length: seat.column - first };
      first = null;
    }
    if (isFree && first === null) first = seat.column;
  }
  if (first !== null) yield { row, first, length: row.seats.length - first };
}

/** The best `size` seats of a run that has so many: `singles` left alone, `distance` twice that from the middle. */
function bestWindow(run, size, twiceMiddle) {
  const spare = run.length - size;
  const start = run.row.seats[run.first].position;
  const twiceOff = 2 * start + size - 1 - twiceMiddle;
  let skipped = Math.min(Math.max(Math.floor(-twiceOff / 2), 0), spare);
  if (spare !== 1 && (skipped === 1 || skipped === spare - 1)) {
    // A seat would be left single. At an end of the run or a seat aside none is.
    const options = [0, spare, skipped - 1, skipped + 1].filter(
      (option) => option !== 1 && option !== spare - 1,
    );
    const off = (option) => Math.abs(twiceOff + 2 * option);
    skipped = options.reduce((best, option) =>
      off(option) < off(best) || (off(option) === off(best) && option < best) ? option : best,
    );
  }
  const distance = Math.abs(twiceOff + 2 * skipped);
  return { singles: spare === 1 ? 1 : 0, distance, position: start + skipped, skipped, run };
}

const seatsOf = ({ run, skipped }, size) =>
  run.row.seats.slice(run.first + skipped, run.first + skipped + size);

const isBetter = (one, other) =>
  one.singles - other.singles ||
  one.distance - other.distance ||
  one.position - other.position ||
  one.skipped - other.skipped;

const twiceMiddleOf = (row) => row.seats[0].position + row.seats.at(-1).position;

function bestOfRow(row, size, kind) {
  let best = null;
  for (const run of runsOf(row, kind)) {
    if (run.length < size) continue;
    const window = bestWindow(run, size, twiceMiddleOf(row));
    if (!best || isBetter(window, best) < 0) best = window;
  }
  return best;
}

/** Up to `most` groups of neighbours, the best first and one of each row: the best of each section, then their
 * second best. Of `section` (an index) only where one is given. */
export function bestGroups(rows, size, { section = null, kind = "standard", most = 6 } = {}) {
  const bySection = new Map();
  for (const row of rows) {
    if (section !== null && row.sectionIndex !== section) continue;
    const window = bestOfRow(row, size, kind);
    if (!window) continue;
    const groups = bySection.get(row.sectionIndex) ?? { clean: [], others: [] };
    bySection.set(row.sectionIndex, groups);
    (window.singles ? groups.others : groups.clean).push(window);
  }
  const lists = [...bySection.values()].map(({ clean, others }) => [...clean, ...others]);
  const groups = [];
  for (let depth = 0; groups.length < most && lists.some((list) => list.length > depth); depth += 1)
    groups.push(...lists.filter((list) => list.length > depth).map((list) => list[depth]));
  return groups.slice(0, most).map((window) => seatsOf(window, size));
}

/** Up to three groups of `size` neighbours, those nearest to the `wanted` seats first; no two share a seat. */
export function alternatives(rows, wanted, size, kind = "standard") {
  const ordered = [...wanted].sort((a, b) => a.row.index - b.row.index || a.column - b.column);
  const middle = ordered[ordered.length >> 1];
  const beside = ordered.filter(({ row }) => row === middle.row);
  const twiceMiddle = beside[0].position + beside.at(-1).position;
  const far = ({ row }) => Math.abs(row.sectionIndex - middle.row.sectionIndex);
  const away = ({ run, distance }) =>
    distance + 2 * ROW_DEPTH_SEATS * Math.abs(run.row.depth - middle.row.depth);
  const candidates = [];
  const add = (run) => run.length >= size && candidates.push(bestWindow(run, size, twiceMiddle));
  for (const row of rows) for (const run of runsOf(row, kind)) add(run);
  const rowsAway = ({ run }) => Math.abs(run.row.depth - middle.row.depth);
  const isNearer = (one, other) =>
    far(one.run) - far(other.run) ||
    away(one) - away(other) ||
    rowsAway(one) - rowsAway(other) ||
    isBetter(one, other);
  const nearest = [];
  while (candidates.length && nearest.length < MAX_ALTERNATIVES) {
    const at = candidates.reduce((best, one, index) => (isNearer(one, candidates[best]) < 0 ? index : best), 0);
    const [window] = candidates.splice(at, 1);
    nearest.push(window);
    const { run, skipped } = window;
    const end = skipped + size;
    add({ row: run.row, first: run.first, length: skipped });
    add({ row: run.row, first: run.first + end, length: run.length - end });
  }
  return nearest.sort(isNearer).map((window) => seatsOf(window, size));
}

/** As many seats near to each other where no row has so many together; null where there are not so many. */
export function apart(rows, size, { section = null, kind = "standard" } = {}) {
  const inSection = rows.filter((row) => section === null || row.sectionIndex === section);
  const free = inSection.flatMap((row) => row.seats.filter((seat) => isOffered(seat, kind)));
  if (free.length < size) return null;
  let best = null;
  for (const seed of free.slice(0, MAX_SEEDS)) {
    const distance = (seat) =>
      Math.abs(middleOffset(seat) - middleOffset(seed)) +
      ROW_DEPTH_SEATS * Math.abs(seat.row.index - seed.row.index);
    const near = free
      .filter(
        ({ row }) =>
          row.sectionIndex === seed.row.sectionIndex && Math.abs(row.index - seed.row.index) <= NEAR_ROWS,
      )
      .map((seat) => ({ seat, distance: distance(seat) }))
      .sort((a, b) => a.distance - b.distance)
      .slice(0, size);
    const sum = near.reduce((total, one) => total + one.distance, 0);
    if (near.length === size && (!best || sum < best.sum)) best = { sum, seats: near.map(({ seat }) => seat) };
  }
  return best?.seats ?? free.slice(0, size);
}

const middleOffset = (seat) => seat.position - (seat.row.width - 1) / 2;
