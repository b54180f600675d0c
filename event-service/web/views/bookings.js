// One's own bookings.
import { get, query as search } from "../api.js";
import { h } from "../dom.js";
import { money, shortDate } from "../format.js";
import { t } from "../language.js";
import { actionButton, alert, badge, empty, eventCard, explain } from "../parts.js";

export const STATUS_KINDS = { confirmed: "good", held: "warm", cancelled: "plain", expired: "plain" };

export async function render({ signal }) {
  const first = await load(null, signal);
  const list = h("div", { class: "cards" }, first.cards);
  const more = h("div", { class: "more" });
  let cursor = first.cursor;
  const draw = () =>
    more.replaceChildren(
      ...(cursor
        ? [
            actionButton(
              t("more"),
              "quiet",
              async () => {
                const page = await load(cursor, signal);
                cursor = page.cursor;
                list.append(...page.cards);
                draw();
                page.cards[0]?.querySelector("a").focus({ preventScroll: true });
              },
              (problem) => more.append(alert(explain(problem))),
            ),
          ]
        : []),
    );
  draw();
  const node = h(
    "div",
    { class: "wide" },
    h("h1", {}, t("my-bookings")),
    first.cards.length
      ? list
      : empty(
          t("no-bookings"),
          t("no-bookings-hint"),
          h("a", { href: "/", class: "button primary" }, t("to-events")),
        ),
    more,
  );
  return { title: t("my-bookings"), node };
}

async function load(cursor, signal) {
  const page = await get(`/bookings${search({ cursor, limit: 24 })}`, { signal });
  const ids = [...new Set(page.items.map((booking) => booking.event_id))];
  // A booking is shown even where its event cannot be.
  const events = new Map(
    await Promise.all(ids.map(async (id) => [id, await get(`/events/${id}`, { signal }).catch(() => null)])),
  );
  return {
    cards: page.items.map((booking) => card(booking, events.get(booking.event_id))),
    cursor: page.next_cursor,
  };
}

function card(booking, event) {
  const href = `/bookings/${booking.id}`;
  const summary = h(
    "p",
    { class: "foot-line booking-line" },
    badge(t(`status.${booking.status}`), STATUS_KINDS[booking.status]),
    h("span", {}, t("n-seats", { n: booking.seats.length })),
    h("span", { class: "price" }, money(booking.total, booking.currency, booking.currency_digits)),
  );
  if (event) {
    const element = eventCard(event, { href, extra: summary });
    element.classList.add("of-booking", booking.status);
    return element;
  }
  return h(
    "article",
    { class: "card of-booking" },
    h(
      "div",
      { class: "about" },
      h("h2", {}, h("a", { href, class: "cover" }, t("booking-of", { date: shortDate(booking.created_at) }))),
      summary,
    ),
  );
}
