// One event, its seats, and the panel to book them.
import { get, isSignedIn } from "../api.js";
import { h, icon, pause } from "../dom.js";
import { showSeats } from "../event-seats.js";
import { money, pricesOf } from "../format.js";
import { isolate, t } from "../language.js";
import { follow } from "../live.js";
import { Panel } from "../panel.js";
import { titleOf } from "../parts.js";
import { readChoice } from "../seats/choice.js";
import { addStyles } from "../styles.js";
import { banner, description, facts, passOn } from "./event-story.js";

const MAP_PATIENCE_MILLISECONDS = 250;

export async function render({ params: [id], signal, go }) {
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
  const showing = hasMap && showSeats({ event, panel, place: view.seats, signal, priced });
  if (showing) await Promise.race([showing, pause(MAP_PATIENCE_MILLISECONDS, signal)]);
  follow(panel, signal);
  return { title: isolate(titleOf(event)), node: page(view, hasMap) };
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
