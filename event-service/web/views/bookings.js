// One's own bookings, one card an event: what is still to come, the waitlists, what is over.
import { get, query as search, serverNow } from "../api.js";
import { h, icon } from "../dom.js";
import { clock, money, shortZone } from "../format.js";
import { isAway, keptBookings, patiently, refreshKept } from "../kept-tickets.js";
import { t } from "../language.js";
import { loadWaitlists, waitlistSection } from "../own-waitlists.js";
import { actionButton, alert, badge, dateBlock, empty, explain, tint, titleOf, venueOf } from "../parts.js";
import { addStyles } from "../styles.js";
import { ticketsOf } from "../tickets.js";
import { showTickets } from "../ticket-screen.js";
import { awayNotice } from "../away-notice.js";

export const STATUS_KINDS = { confirmed: "good", held: "warm", cancelled: "plain", expired: "plain" };
const LIVE = ["confirmed", "held"];
const SHOWN = 100;

export async function render({ signal }) {
  const [first, waitlists] = await Promise.all([
    load(null, signal),
    loadWaitlists(patiently(signal)).catch(quietly),
    addStyles("bookings.css"),
    addStyles("tickets.css"),
  ]);
  const view = { bookings: first.bookings, cursor: first.cursor, keptAt: first.keptAt, signal };
  view.lists = h("div", { class: "booking-lists" });
  const isLost = !waitlists && !view.keptAt;
  view.waitlists = isLost
    ? h("p", { class: "hint" }, t("part-away", { what: t("my-waitlists") }))
    : waitlists && waitlistSection(waitlists, signal);
  draw(view);
  const node = h(
    "div",
    { class: "wide" },
    h("h1", {}, t("my-bookings")),
    view.keptAt && awayNotice(view.keptAt),
    view.lists,
  );
  return { title: t("my-bookings"), node };
}

function quietly(problem) {
  if (problem.name === "AbortError" || problem.status === 401) throw problem;
  return null;
}

/** A page of bookings; those that this device keeps, where nobody answers. */
async function load(cursor, signal) {
  try {
    const patience = cursor ? signal : patiently(signal);
    const page = await get(`/bookings${search({ cursor, limit: SHOWN })}`, { signal: patience });
    refreshKept(page.items);
    return { bookings: page.items, cursor: page.next_cursor };
  } catch (problem) {
    const kept = isAway(problem) && !cursor ? keptBookings() : [];
    if (!kept.length) throw problem;
    const keptAt = kept.map(({ kept_at }) => kept_at).sort()[0];
    return { bookings: kept.map(({ booking }) => booking), cursor: null, keptAt };
  }
}

function draw(view) {
  const groups = byEvent(view.bookings);
  const upcoming = groups.filter(isUpcoming).sort((one, other) => startOf(one) - startOf(other));
  const past = groups.filter((group) => !isUpcoming(group)).sort((one, other) => startOf(other) - startOf(one));
  const card = (group) => eventCard(group, view.signal);
  view.lists.replaceChildren(
    ...[
      upcoming.length > 0 && section("upcoming", upcoming.map(card)),
      !groups.length && none(),
      view.waitlists,
      past.length > 0 && section("past", past.map(card)),
      view.cursor && moreButton(view),
    ].filter(Boolean),
  );
}

function byEvent(bookings) {
  const groups = new Map();
  for (const booking of bookings) {
    const group = groups.get(booking.event_id);
    if (group) group.push(booking);
    else groups.set(booking.event_id, [booking]);
  }
  return [...groups.values()];
}

const startOf = ([booking]) => Date.parse(booking.starts_at);
const endOf = (booking) => Date.parse(booking.ends_at ?? booking.starts_at);
const isLive = ({ status }) => LIVE.includes(status);
const isUpcoming = (group) => endOf(group[0]) > serverNow() && group.some(isLive);

const section = (name, cards) =>
  h(
    "section",
    { "aria-labelledby": `${name}-title`, class: `bookings-${name}` },
    h("h2", { id: `${name}-title` }, t(`bookings-${name}`)),
    h("div", { class: "cards" }, cards),
  );

const none = () =>
  empty(t("no-bookings"), t("no-bookings-hint"), h("a", { href: "/", class: "button primary" }, t("to-events")));

function moreButton(view) {
  const problems = h("div", {});
  const button = actionButton(
    t("more"),
    "quiet",
    async () => {
      const page = await load(view.cursor, view.signal);
      Object.assign(view, { bookings: [...view.bookings, ...page.bookings], cursor: page.cursor });
      draw(view);
      view.lists.querySelector(".bookings-past .cover")?.focus({ preventScroll: true });
    },
    (problem) => problems.replaceChildren(alert(explain(problem))),
  );
  return h("div", { class: "more" }, button, problems);
}

/** `group`: the bookings of one event, newest first. The card leads to the one that is of most use. */
function eventCard(group, signal) {
  const shown = group.find(({ status }) => status === "held") ?? group.find(isLive) ?? group[0];
  const tickets = isUpcoming(group) ? ticketsOf(group.filter(({ status }) => status === "confirmed")) : [];
  const card = h(
    "article",
    { class: `card of-booking ${shown.status}` },
    dateBlock(shown),
    h(
      "div",
      { class: "about" },
      h("h3", { dir: "auto" }, h("a", { href: `/bookings/${shown.id}`, class: "cover" }, titleOf(shown))),
      h("p", { class: "fact" }, icon("clock"), `${clock(shown.starts_at, shown.timezone)} ${shortZone(shown.starts_at, shown.timezone)}`),
      h("p", { class: "fact" }, icon("place"), h("span", {}, venueOf(shown))),
      group.length > 1 ? lines(group) : h("p", { class: "foot-line booking-line" }, summary(shown)),
      tickets.length > 0 && showButton(tickets, signal),
    ),
  );
  return tint(card, shown.title);
}

const summary = (booking) => [
  badge(t(`status.${booking.status}`), STATUS_KINDS[booking.status]),
  h("span", {}, t("n-seats", { n: booking.seats.length })),
  h("span", { class: "price" }, money(booking.total, booking.currency, booking.currency_digits)),
];

const lines = (group) =>
  h(
    "ul",
    { class: "booking-lines" },
    [...group].sort((one, other) => isLive(other) - isLive(one)).map((booking) => {
      const status = badge(t(`status.${booking.status}`), STATUS_KINDS[booking.status]);
      return h("li", {}, h("a", { href: `/bookings/${booking.id}` }, t("n-seats", { n: booking.seats.length })), status);
    }),
  );

function showButton(tickets, signal) {
  const text = t("show-tickets", { n: tickets.length });
  const button = h("button", { type: "button", class: "primary small", onclick: () => showTickets(tickets, { signal }) }, text);
  button.setAttribute("aria-label", `${text}: ${titleOf(tickets[0].booking)}`);
  return h("p", { class: "show-tickets" }, button);
}
