// One event, its seats, and the panel to book them.
import { get, isSignedIn, shareBegun } from "../api.js";
import { h, icon, pause } from "../dom.js";
import { AGE_MILLISECONDS, showSeats } from "../event-seats.js";
import { money, pricesOf } from "../format.js";
import { isolate, t } from "../language.js";
import { follow } from "../live.js";
import { Panel } from "../panel.js";
import { titleOf } from "../parts.js";
import { readChoice } from "../seats/choice.js";
import { addStyles } from "../styles.js";
import { banner, description, facts, passOn } from "./event-story.js";

const MAP_PATIENCE_MILLISECONDS = 250;

export async function render(context) {
  const { event, node } = await show(context);
  return { title: isolate(titleOf(event)), node };
}

/** `before` is the panel of the same person on the same page, of an event that has been changed since. */
async function show(context, before) {
  const { params: [id], go } = context;
  const replaced = new AbortController();
  const signal = AbortSignal.any([context.signal, replaced.signal]);
  shareBegun(context.signal, signal);
  const [event, availability, bookings] = await Promise.all([
    get(`/events/${id}`, { signal }),
    get(`/events/${id}/availability`, { signal }),
    ownBookings(id, signal),
    addStyles("seats.css"),
  ]);
  const mine = { bookings, waiting: await ownPlaceInLine(event, availability, signal) };
  const panel = new Panel({
    event,
    availability,
    mine,
    signal,
    quantity: Number(readChoice(id).quantity) || 1,
    signIn: () => go(`/sign-in?next=${encodeURIComponent(`/events/${id}`)}`),
    renew: (why) => showAnew(context, { panel, node, replaced }, why),
    purchase: before?.purchase,
    fresh: before?.fresh,
  });
  const view = {
    event,
    panel,
    signal,
    prices: h("dd", {}, priceRange(event, pricesOf(event))),
    seats: h("section", { class: "seats", "aria-labelledby": "seats-title" }),
  };
  const hasMap = event.seating === "assigned" && event.status === "published";
  // A small hall comes with the page; a large one follows it.
  const priced = (sections) => {
    view.prices.textContent = priceRange(event, sections.map(({ price }) => price));
  };
  const node = page(view, hasMap);
  const showing = hasMap && showSeats({ event, panel, place: view.seats, signal, priced });
  if (showing) await Promise.race([showing, pause(MAP_PATIENCE_MILLISECONDS, signal)]);
  follow(panel, signal);
  return { event, panel, node, showing, replaced };
}

/** The organizer has changed the event: all of it is shown as it is now, and nothing is booked before. `why`: what
 * somebody who books is told. Without, what is seen stays where a guest books the same by it. */
async function showAnew(context, { panel, node, replaced }, why) {
  // Until then servers may tell of the seats as they were.
  await pause(AGE_MILLISECONDS, context.signal);
  const next = await show(context, panel);
  await next.showing;
  if (context.signal.aborted) return;
  // Asked for twice at a time, it is replaced once.
  if (!node.isConnected || (!why && (panel.isBuying || isSame(panel, next.panel)))) return next.replaced.abort();
  const hadFocus = node.contains(document.activeElement);
  const place = panel.map?.focusedPlace;
  replaced.abort();
  node.replaceWith(next.node);
  const isOnSeat = place && next.panel.map?.focusPlace(place);
  next.panel.tellChanged(why ?? t("event-changed-here"), hadFocus && !isOnSeat);
}

// As rules.BESIDE_TERMS, and what follows from others.
const BESIDE_TERMS = ["title", "description", "category", "organizer_name", "sales_start", "sales_end", "capacity"].concat(
  ["max_seats_per_user", "seats_available", "image_url", "version", "updated_at"],
);

/** Whether only words differ. Then the map that is seen is also of the version of `next`. */
function isSame(panel, next) {
  const terms = ({ event, map }) =>
    JSON.stringify([Object.entries(event).filter(([name]) => !BESIDE_TERMS.includes(name)), map?.sections]);
  const same = Boolean(next.map) && terms(panel) === terms(next);
  if (same) panel.map.version = next.map.version;
  return same;
}

function priceRange(event, prices) {
  const low = prices.reduce((a, b) => Math.min(a, b));
  const high = prices.reduce((a, b) => Math.max(a, b));
  const shown = (price) => money(price, event.currency, event.currency_digits);
  return low === high ? shown(low) : t("from-to", { low: shown(low), high: shown(high) });
}

/** The page must not fail for want of what is only beside the point. */
const nothing = (problem) => {
  if (problem.name === "AbortError") throw problem;
  return null;
};

/** Null where that cannot be told now. */
async function ownBookings(id, signal) {
  if (!isSignedIn()) return [];
  const page = await get(`/bookings?event_id=${id}&limit=50`, { signal }).catch(nothing);
  return page?.items ?? (isSignedIn() ? null : []);
}

/** Nobody waits where as many seats are free as one person may have. */
async function ownPlaceInLine(event, availability, signal) {
  if (!isSignedIn() || event.status !== "published" || availability.available >= event.max_seats_per_user)
    return null;
  return get(`/events/${event.id}/waitlist`, { signal }).catch(nothing);
}

function page({ event, panel, prices, seats }, hasMap) {
  return h(
    "article",
    { class: "event" },
    h("a", { href: "/", class: "back" }, icon("back"), t("all-events")),
    banner(event),
    h(
      "div",
      { class: "columns" },
      h(
        "div",
        { class: "story" },
        facts(event, prices),
        passOn(event, () => panel.confirmed[0]),
        description(event),
        hasMap && seats,
      ),
      h("aside", { class: "side" }, panel.node),
    ),
  );
}
