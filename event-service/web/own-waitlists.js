// The waitlists that somebody is on, with the place in each line.
import { api, get, query as search } from "./api.js";
import { ask, h, toast } from "./dom.js";
import { deadline, shortDate } from "./format.js";
import { isolate, t } from "./language.js";
import { actionButton, explain, titleOf, venueOf } from "./parts.js";
import { reasonOf } from "./waitlist-reason.js";

/** `{items, cursor}`: entries, each with its event (null where it cannot be shown). */
export async function loadWaitlists(signal, cursor = null) {
  const page = await get(`/waitlist${search({ cursor, limit: 50 })}`, { signal });
  const events = page.items.map(({ event_id }) => get(`/events/${event_id}`, { signal }).catch(() => null));
  const known = await Promise.all(events);
  const items = page.items.map((entry, index) => ({ ...entry, event: known[index] }));
  return { items, cursor: page.next_cursor };
}

/** A section, or null for somebody who waits for nothing. */
export function waitlistSection({ items, cursor }, signal) {
  if (!items.length) return null;
  const list = h("ul", { class: "rows waits" }, items.map(row));
  const more = h("div", { class: "more" });
  const drawMore = (next) =>
    more.replaceChildren(
      next
        ? actionButton(
            t("more"),
            "quiet",
            async () => {
              const page = await loadWaitlists(signal, next);
              list.append(...page.items.map(row));
              drawMore(page.cursor);
            },
            (problem) => toast(explain(problem), "bad"),
          )
        : "",
    );
  drawMore(cursor);
  return h(
    "section",
    { class: "waitlists", "aria-labelledby": "waitlists-title" },
    h("h2", { id: "waitlists-title", tabindex: -1 }, t("my-waitlists")),
    list,
    more,
  );
}

function row(entry) {
  const { event } = entry;
  const title = event ? titleOf(event) : t("waitlist-of", { date: shortDate(entry.joined_at, "UTC") });
  const element = h(
    "li",
    {},
    h(
      "div",
      {},
      h("p", { class: "wait-event", dir: "auto" }, h("a", { href: `/events/${entry.event_id}` }, title)),
      event && h("p", { class: "hint" }, deadline(event.starts_at, event.timezone), " · ", venueOf(event)),
      h("p", {}, stateOf(entry)),
      reasonOf(entry) && h("p", { class: "hint" }, reasonOf(entry)),
    ),
    h("div", { class: "row-actions" }, actions(entry, title, () => leaveRow(element))),
  );
  return element;
}

function leaveRow(element) {
  const section = element.closest("section");
  element.remove();
  if (!section.querySelector("li")) return section.remove();
  section.querySelector("h2").focus();
}

function stateOf({ offer, quantity, position, event }) {
  if (!offer) return `${t("waiting", { n: quantity })}. ${t("waitlist-position", { position })}`;
  const when = deadline(offer.expires_at, event?.timezone ?? "UTC");
  return `${t("waitlist-offer", { n: quantity })}. ${t("offer-until", { when })}`;
}

function actions(entry, title, gone) {
  const leave = actionButton(
    t("leave-waitlist"),
    "quiet small",
    async () => {
      const words = { title: t("leave-waitlist-ask"), text: t("leave-waitlist-text"), yes: t("leave-waitlist"), no: t("keep") };
      if (!(await ask(words))) return;
      await api("DELETE", `/events/${entry.event_id}/waitlist`);
      toast(t("left-waitlist"));
      gone();
    },
    (problem) => toast(explain(problem), "bad"),
  );
  leave.setAttribute("aria-label", `${t("leave-waitlist")}: ${isolate(title)}`);
  const { offer } = entry;
  const see = offer && h("a", { class: "button primary small", href: `/bookings/${offer.booking_id}` }, t("see-offer"));
  return [see, leave];
}
