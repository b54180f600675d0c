// Somebody was faster: which seats are gone, and what one may take instead by one press.
import { h } from "../dom.js";
import { t } from "../language.js";
import { placeName } from "../parts.js";
import { alternatives } from "./groups.js";
import { groupName } from "./names.js";

/** Which of the places that were chosen are none any more, in words; empty where all are. */
export function removedText(map, places) {
  const removed = places.filter((place) => !map.find([place]).length);
  return removed.length ? t("removed-seats", { n: removed.length, seats: removed.map(placeName).join("; ") }) : "";
}

/** Groups of as many free seats as were wanted: those that the refusal names, else the nearest on the map. */
export function groupsInstead(map, wanted, kind, problem) {
  const size = wanted.length;
  const told = (problem?.alternatives ?? []).map((ids) => map.ids.find(ids)).filter(({ length }) => length);
  if (told.length) return told.filter(({ length }) => length === size);
  return size ? alternatives(map.rows, wanted, size, kind) : [];
}

/** `groups` of as many free seats, nearest first; `choose` gets the seats of one, `hold` (may be null) takes the best
 * that are left when it is pressed, whichever these are by then. */
export function goneCard({ map, gone, groups, size, choose, hold }) {
  return h(
    "div",
    { class: "instead", role: "group", "aria-label": t("instead") },
    gone.length > 0 && h("p", { class: "gone", dir: "auto" }, t("gone-seats", { n: gone.length, seats: groupName(gone) })),
    groups.length > 0 && h("p", { class: "instead-title" }, t("instead")),
    groups.map((seats) => {
      const sum = map.money(seats.reduce((total, { row }) => total + row.price, 0));
      const words = [h("span", {}, groupName(seats)), " ", h("span", { class: "price" }, sum)];
      return h("button", { type: "button", class: "quiet wide-button", dir: "auto", onclick: () => choose(seats) }, words);
    }),
    hold && h("button", { type: "button", class: "quiet wide-button", onclick: hold }, t("hold-best", { n: size })),
  );
}
