// Who waits for seats of an event, in order.
import { get, query as search } from "../api.js";
import { h } from "../dom.js";
import { count, deadline, shortDate } from "../format.js";
import { t } from "../language.js";
import { actionButton, badge } from "../parts.js";
import { person } from "../guest-list.js";

const SHOWN = 50;

export async function part({ event, signal, failed }) {
  const load = (cursor) =>
    get(`/events/${event.id}/waitlist/entries${search({ cursor, limit: SHOWN })}`, { signal });
  const list = h("ol", { class: "waiters" });
  const more = h("div", { class: "more" });
  const add = (page) => {
    const entries = page.items.map((entry) => line(event, entry));
    list.append(...entries);
    const next = async () => {
      const [first] = add(await load(page.next_cursor));
      if (!first) return;
      first.tabIndex = -1;
      first.focus({ preventScroll: true });
    };
    more.replaceChildren(...(page.next_cursor ? [actionButton(t("more"), "quiet", next, failed)] : []));
    return entries;
  };
  const first = await load(null);
  add(first);
  if (!first.items.length) return h("p", { class: "hint" }, t("waiting.nobody"));
  return [h("p", { class: "hint" }, t("waiting.hint")), list, more];
}

function line(event, { guest, position, quantity, joined_at: joined, offer }) {
  return h(
    "li",
    {},
    h("span", { class: "waiter-position" }, offer ? "•" : count(position)),
    h(
      "div",
      { class: "waiter" },
      person(guest),
      h("span", { class: "guest-day" }, t("waiting.since", { date: shortDate(joined, event.timezone) })),
      offer && offered(event, offer),
    ),
    h("span", { class: "waiter-seats" }, t("n-seats", { n: quantity })),
  );
}

const offered = (event, { expires_at: end }) =>
  h(
    "span",
    { class: "waiter-offer" },
    badge(t("waiting.offered"), "warm"),
    " ",
    t("waiting.until", { when: deadline(end, event.timezone) }),
  );
