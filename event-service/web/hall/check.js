// What is wrong with a plan before it is sent.
import { t } from "../language.js";
import { MAX_SEATS, countRows, isEmptyRow } from "./plan.js";

/** A list of `{section, row, part, message}`: `part` is "name", "price", "rows", "row-name" or "row". */
export function checkPlan(sections, priceMistake) {
  const mistakes = [];
  const sectionNames = new Set();
  sections.forEach(({ name, price, rows }, section) => {
    const wrong = nameMistake(name, sectionNames, "hall.section-twice");
    if (wrong) mistakes.push({ section, part: "name", message: wrong });
    const priced = price.trim() === "" ? null : priceMistake(price);
    if (priced) mistakes.push({ section, part: "price", message: priced });
    const rowNames = new Set();
    rows.forEach((row, index) => {
      const twice = nameMistake(row.name, rowNames, "hall.row-twice");
      if (twice) mistakes.push({ section, row: index, part: "row-name", message: twice });
      if (isEmptyRow(row))
        mistakes.push({ section, row: index, part: "row", message: t("hall.row-empty", { row: row.name }) });
    });
  });
  const { seats, blocked } = countRows(sections.flatMap(({ rows }) => rows));
  if (!seats) mistakes.push({ section: 0, part: "rows", message: t("hall.no-seats") });
  if (seats + blocked > MAX_SEATS) mistakes.push({ section: 0, part: "rows", message: t("hall.too-many-seats") });
  return mistakes;
}

function nameMistake(name, names, twice) {
  const plain = name.trim();
  if (!plain) return t("invalid.missing");
  if (names.has(plain)) return t(twice, { name: plain });
  names.add(plain);
  return null;
}
