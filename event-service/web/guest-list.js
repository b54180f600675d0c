// Who has booked an event, for its organizer: found by name, booking or ticket code, and as a file.
import { get, query as search } from "./api.js";
import { download, h } from "./dom.js";
import { count, money, shortDate } from "./format.js";
import { t } from "./language.js";
import { actionButton, alert, badge, explain } from "./parts.js";
import { STATUS_KINDS } from "./views/bookings.js";

const SHOWN_BOOKINGS = 20;

/** A page of an event's bookings, newest first. */
export const loadGuests = (id, { q, cursor, signal } = {}) =>
  get(`/events/${id}/bookings${search({ q, cursor, limit: SHOWN_BOOKINGS })}`, { signal });

export function guestList(event, first, problems) {
  const failed = (problem) => problems.replaceChildren(alert(explain(problem)));
  const body = h("tbody", {});
  const more = h("div", { class: "more" });
  const table = h("div", { class: "table-scroll", role: "region", tabindex: 0, "aria-label": t("bookings") }, [
    h("table", {}, h("thead", {}, headings()), body),
  ]);
  const none = h("p", { class: "hint", role: "status" });
  let wanted = "";
  const add = (page) => {
    body.append(...page.items.map((booking) => row(event, booking)));
    table.hidden = !body.children.length;
    none.textContent = table.hidden ? t(wanted ? "no-such-guest" : "no-bookings-yet") : "";
    const next = () => loadGuests(event.id, { q: wanted, cursor: page.next_cursor }).then(add);
    more.replaceChildren(...(page.next_cursor ? [actionButton(t("more"), "quiet", next, failed)] : []));
  };
  const input = h("input", { type: "search", name: "guest", maxlength: 200, dir: "auto", "aria-label": t("find-guest"), placeholder: t("find-guest") });
  const find = h("form", { class: "find-guest", role: "search" }, input, h("button", { class: "quiet" }, t("find")));
  find.addEventListener("submit", async (submitted) => {
    submitted.preventDefault();
    wanted = input.value.trim();
    const asked = wanted;
    try {
      const page = await loadGuests(event.id, { q: asked });
      if (asked !== wanted) return; // Another search has begun meanwhile.
      body.replaceChildren();
      add(page);
    } catch (problem) {
      failed(problem);
    }
  });
  add(first);
  return h(
    "section",
    {},
    h("div", { class: "title-line" }, h("h2", {}, t("bookings")), file(event, failed)),
    first.items.length > 0 && find,
    table,
    none,
    more,
  );
}

function file(event, failed) {
  const save = async () => {
    const options = { as: "blob", headers: { Accept: "text/csv" } };
    download(await get(`/events/${event.id}/attendees.csv`, options), "attendees.csv");
  };
  return actionButton(t("attendees"), "quiet small", save, failed);
}

const headings = () =>
  h(
    "tr",
    {},
    ["date", "guest", "status", "seats", "total"].map((word, index) =>
      h("th", { scope: "col", class: index > 2 ? "number" : null }, t(word)),
    ),
  );

const row = (event, booking) =>
  h(
    "tr",
    {},
    h("td", { class: "day-cell" }, shortDate(booking.created_at, event.timezone)),
    h("td", { class: "guest-cell", dir: "auto" }, booking.guest.name ?? booking.guest.email ?? ""),
    h("td", {}, badge(t(`status.${booking.status}`), STATUS_KINDS[booking.status])),
    h("td", { class: "number" }, count(booking.seats.length)),
    h("td", { class: "number" }, money(booking.total, booking.currency, event.currency_digits)),
  );
