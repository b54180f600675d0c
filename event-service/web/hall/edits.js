// Changes of a plan, each a new plan. All raise SoldSeat where a sold seat would go or get another number, and
// TooMuch beyond the limits.
import {
  MAX_COLUMNS,
  MAX_ROWS,
  MAX_ROWS_OF_SECTION,
  MAX_SECTIONS,
  SEAT,
  SoldSeat,
  TooMuch,
  checkedRow,
  hasSold,
  isSold,
  letterName,
  newRow,
  newSection,
  sectionHasSold,
  widthOf,
} from "./plan.js";

const withSection = (sections, index, change) =>
  sections.map((section, at) => (at === index ? { ...section, ...change } : section));

/** Draws `letter` in cells `[row, column]` of a section. Sold seats stay as they are; whether any was met is
 * told by `onSold`. */
export function paint(sections, index, cells, letter, onSold) {
  const columns = new Map();
  for (const [row, column] of cells) {
    if (!columns.has(row)) columns.set(row, []);
    columns.get(row).push(column);
  }
  const rows = [...sections[index].rows];
  let isChanged = false;
  for (const [at, painted] of columns) {
    const row = rows[at];
    const letters = [...row.letters];
    for (const column of painted) {
      if (isSold(row, column)) onSold?.();
      else letters[column] = letter;
    }
    const text = letters.join("");
    if (text === row.letters) continue;
    rows[at] = checkedRow(row, { ...row, letters: text });
    isChanged = true;
  }
  return isChanged ? withSection(sections, index, { rows }) : sections;
}

/** A name that follows: B after A, 8 after 7, "Box 2" after "Box 1"; one that is not taken. */
export function nextName(name, taken) {
  const [, before, digits] = /^(.*?)(\d*)$/s.exec(name.trim());
  let index = digits ? Number(digits) : /^[A-Z]{1,2}$/.test(before) ? letterIndex(before) : 1;
  const make = () => {
    index += 1;
    if (!digits && /^[A-Z]{1,2}$/.test(before)) return letterName(index);
    return digits ? `${before}${index}` : `${before} ${index}`;
  };
  let next = make();
  while (taken.includes(next)) next = make();
  return next;
}

function letterIndex(name) {
  return [...name].reduce((index, letter) => (index + 1) * 26 + letter.charCodeAt(0) - 65, -1);
}

const namesOf = (rows) => rows.map(({ name }) => name);

function checkRows(sections, index, more) {
  if (sections[index].rows.length + more > MAX_ROWS_OF_SECTION) throw new TooMuch("rows-of-section");
  const all = sections.reduce((sum, { rows }) => sum + rows.length, more);
  if (all > MAX_ROWS) throw new TooMuch("rows");
}

/** A row like that at `at` behind it, free, with the next name. */
export function copyRow(sections, index, at) {
  checkRows(sections, index, 1);
  const rows = [...sections[index].rows];
  const { name, letters, numbering } = rows[at];
  rows.splice(at + 1, 0, newRow(nextName(name, namesOf(rows)), letters, numbering));
  return withSection(sections, index, { rows });
}

/** A row of seats before the row at `at`, or behind the last one. */
export function addRow(sections, index, at) {
  checkRows(sections, index, 1);
  const section = sections[index];
  const rows = [...section.rows];
  const { numbering, name } = rows[Math.max(0, at - 1)];
  rows.splice(at, 0, newRow(nextName(name, namesOf(rows)), SEAT.repeat(widthOf(section)), numbering));
  return withSection(sections, index, { rows });
}

export function removeRow(sections, index, at) {
  const { rows } = sections[index];
  if (hasSold(rows[at])) throw new SoldSeat(rows[at].name);
  if (rows.length === 1) return sections;
  return withSection(sections, index, { rows: rows.filter((_, other) => other !== at) });
}

export function renameRow(sections, index, at, name) {
  const rows = [...sections[index].rows];
  rows[at] = checkedRow(rows[at], { ...rows[at], name });
  return withSection(sections, index, { rows });
}

/** Names of all rows anew: "letters" or "numbers", from the front or from the "back". */
export function renameRows(sections, index, kind, isFromBack) {
  const count = sections[index].rows.length;
  const rows = sections[index].rows.map((row, at) => {
    const place = isFromBack ? count - 1 - at : at;
    return checkedRow(row, { ...row, name: kind === "letters" ? letterName(place) : String(place + 1) });
  });
  return withSection(sections, index, { rows });
}

export function number(sections, index, numbering) {
  const rows = sections[index].rows.map((row) => checkedRow(row, { ...row, numbering }));
  return withSection(sections, index, { rows });
}

/** A column of `letter` before the one at `at`, or behind the last one. */
export function addColumn(sections, index, at, letter = SEAT) {
  if (widthOf(sections[index]) >= MAX_COLUMNS) throw new TooMuch("columns");
  const put = (text, more) => text.slice(0, at) + more + text.slice(at);
  const rows = sections[index].rows.map((row) =>
    checkedRow(row, { ...row, letters: put(row.letters, letter), sold: put(row.sold, ".") }),
  );
  return withSection(sections, index, { rows });
}

export function removeColumn(sections, index, at) {
  if (widthOf(sections[index]) === 1) return sections;
  const cut = (text) => text.slice(0, at) + text.slice(at + 1);
  const rows = sections[index].rows.map((row) => {
    if (isSold(row, at)) throw new SoldSeat(row.name);
    return checkedRow(row, { ...row, letters: cut(row.letters), sold: cut(row.sold) });
  });
  return withSection(sections, index, { rows });
}

/** So many rows and columns: more are added behind the last ones, with seats, or the last ones go. */
export function resize(sections, index, rowCount, columnCount) {
  const section = sections[index];
  checkRows(sections, index, Math.max(0, rowCount - section.rows.length));
  if (columnCount > MAX_COLUMNS) throw new TooMuch("columns");
  const gone = section.rows.slice(rowCount).find(hasSold);
  if (gone) throw new SoldSeat(gone.name);
  const rows = section.rows.slice(0, rowCount).map((row) => {
    const more = Math.max(0, columnCount - row.letters.length);
    return checkedRow(row, {
      ...row,
      letters: row.letters.slice(0, columnCount) + SEAT.repeat(more),
      sold: row.sold.slice(0, columnCount) + ".".repeat(more),
    });
  });
  const names = new Set(namesOf(rows));
  while (rows.length < rowCount) {
    const last = rows.at(-1);
    const name = nextName(last.name, { includes: (one) => names.has(one) });
    names.add(name);
    rows.push(newRow(name, SEAT.repeat(columnCount), last.numbering));
  }
  return withSection(sections, index, { rows });
}

export function addSection(sections, name, rows = 8, columns = 12) {
  if (sections.length >= MAX_SECTIONS) throw new TooMuch("sections");
  return [...sections, newSection(name, rows, columns)];
}

export function copySection(sections, index, name) {
  if (sections.length >= MAX_SECTIONS) throw new TooMuch("sections");
  const { rows, price } = sections[index];
  const all = sections.reduce((sum, section) => sum + section.rows.length, rows.length);
  if (all > MAX_ROWS) throw new TooMuch("rows");
  const copy = { name, price, rows: rows.map((row) => newRow(row.name, row.letters, row.numbering)) };
  return [...sections.slice(0, index + 1), copy, ...sections.slice(index + 1)];
}

export function removeSection(sections, index) {
  if (sectionHasSold(sections[index])) throw new SoldSeat(sections[index].rows.find(hasSold).name);
  return sections.length === 1 ? sections : sections.filter((_, at) => at !== index);
}

export function moveSection(sections, index, by) {
  const to = index + by;
  if (to < 0 || to >= sections.length) return sections;
  const moved = [...sections];
  [moved[index], moved[to]] = [moved[to], moved[index]];
  return moved;
}

export function renameSection(sections, index, name) {
  if (name !== sections[index].name && sectionHasSold(sections[index]))
    throw new SoldSeat(sections[index].rows.find(hasSold).name);
  return withSection(sections, index, { name });
}

export const priceSection = (sections, index, price) => withSection(sections, index, { price });
