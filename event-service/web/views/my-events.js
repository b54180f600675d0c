// An organizer's own events, whatever their status.
import { get, query as search } from "../api.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { t } from "../language.js";
import { actionButton, alert, empty, eventCard, explain } from "../parts.js";

export async function render({ signal }) {
  const load = (cursor) =>
    get(`/events${search({ organizer: "me", sort: "-created_at", cursor, limit: 24 })}`, { signal });
  const first = await load(null);
  let cursor = first.next_cursor;
  const list = h("div", { class: "cards" }, first.items.map(card));
  const more = h("div", { class: "more" });
  const draw = () =>
    more.replaceChildren(
      ...(cursor
        ? [
            actionButton(
              t("more"),
              "quiet",
              async () => {
                const page = await load(cursor);
                cursor = page.next_cursor;
                list.append(...page.items.map(card));
                draw();
              },
              (problem) => more.append(alert(explain(problem))),
            ),
          ]
        : []),
    );
  draw();
  const create = h("a", { href: "/my-events/new", class: "button primary" }, t("new-event"));
  const node = h(
    "div",
    { class: "wide" },
    h("div", { class: "title-line" }, h("h1", {}, t("my-events")), first.items.length > 0 && create),
    first.items.length ? list : empty(t("no-own-events"), t("no-own-events-hint"), create),
    more,
  );
  return { title: t("my-events"), node };
}

function card(event) {
  const sold = event.capacity - event.seats_available;
  const extra =
    event.status !== "draft" &&
    h("p", { class: "hint" }, t("sold", { sold: count(sold), capacity: count(event.capacity) }));
  return eventCard(event, { href: `/my-events/${event.id}`, extra });
}
