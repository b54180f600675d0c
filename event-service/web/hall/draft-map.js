// The hall of a draft from above, with what it comes to: what guests will see is seen before they do.
import { get } from "../api.js";
import { h, written } from "../dom.js";
import { count, fromMinor, money } from "../format.js";
import { isolate, t } from "../language.js";
import { alert, explain } from "../parts.js";
import { addStyles } from "../styles.js";
import { overview } from "./overview.js";
import { countRows, readSections } from "./plan.js";
import "./words.js";

/** A section of the page that fills itself. */
export function draftMap(event, signal) {
  const place = h("div", { class: "hall-picture" }, h("p", { class: "hint", role: "status" }, t("hall.loading")));
  const node = h("section", { class: "draft-map" }, h("h2", {}, t("hall.draft")), place);
  show(event, place, signal);
  return node;
}

async function show(event, place, signal) {
  try {
    const [{ sections }] = await Promise.all([
      get(`/events/${event.id}/plan`, { signal }),
      addStyles("hall/overview.css"),
    ]);
    const price = (minor) => fromMinor(minor, event.currency, event.currency_digits);
    const read = readSections(sections, price);
    const label = `${t("hall.overview")} ${read.map(({ name, rows }) => `${isolate(name)}: ${count(countRows(rows).seats)}`).join("; ")}`;
    place.replaceChildren(
      overview(read, { label }),
      h("ul", { class: "hall-prices" }, read.map(({ name, rows }, index) => line(event, name, rows, sections[index].price))),
    );
  } catch (problem) {
    if (problem.name !== "AbortError") place.replaceChildren(alert(explain(problem)));
  }
}

function line(event, name, rows, own) {
  const { seats } = countRows(rows);
  const price = money(own ?? event.price, event.currency, event.currency_digits);
  return h("li", {}, written(name), `: ${t("hall.n-seats", { n: seats, count: count(seats) })}, ${price}`);
}
