// Where in a plan belongs what the service says of it.
const FIELD = /(?:^|\.)sections(?:\.(\d+))?(?:\.(name|price|rows))?(?:\.(\d+))?(?:\.(name|seats|numbering))?/;

/** The place in the plan of a field that the service names, such as
 * `seating.assigned.sections.0.rows.3.seats`; null for one that is not of the plan. */
export function placeOf(field) {
  const found = FIELD.exec(field);
  if (!found) return null;
  const [, section, part, row, ofRow] = found;
  if (section === undefined) return { section: 0, part: "rows" };
  const place = { section: Number(section), part: part ?? "rows" };
  if (row === undefined) return place;
  return { ...place, row: Number(row), part: ofRow === "name" ? "row-name" : "row" };
}
