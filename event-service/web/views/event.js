// One event, its seats, and the panel to book them.
import { get, isSignedIn } from "../api.js";
import { h, icon, pause, toast } from "../dom.js";
import { money, pricesOf } from "../format.js";
import { isolate, t } from "../language.js";
import { alert, explain, titleOf } from "../parts.js";
import { Panel } from "../panel.js";
import { picker } from "../picker.js";
import { SeatMap } from "../seat-map.js";
import { banner, description, facts, passOn } from "./event-story.js";

const REFRESH_MILLISECONDS = 10_000;
const MAP_PATIENCE_MILLISECONDS = 250;

// What was chosen before somebody went to sign in.
const remembered = new Map();

export async function render({ params: [id], signal, go }) {
  const [event, availability, bookings] = await Promise.all([
    get(`/events/${id}`, { signal }),
    get(`/events/${id}/availability`, { signal }),
    ownBookings(id, signal),
  ]);
  const mine = { bookings, waiting: await ownPlaceInLine(event, availability, signal) };
  const chosen = remembered.get(id) ?? { seats: [], quantity: 1 };
  remembered.delete(id);
  const panel = new Panel({
    event,
    availability,
    mine,
    signal,
    quantity: chosen.quantity,
    signIn: (choice) => {
      remembered.set(id, choice);
      go(`/sign-in?next=${encodeURIComponent(`/events/${id}`)}`);
    },
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
  if (hasMap) await Promise.race([showSeats(view, chosen), pause(MAP_PATIENCE_MILLISECONDS, signal)]);
  else follow(panel, signal);
  const shown = () => {
    window.scrollTo(0, 0);
    panel.map?.center();
  };
  return { title: isolate(titleOf(event)), node: page(view, hasMap), shown };
}

async function showSeats(view, chosen) {
  const { event, panel, signal, seats, prices } = view;
  const title = h("h2", { id: "seats-title" }, t("choose-seats"));
  try {
    seats.replaceChildren(title, h("p", { class: "waiting", role: "status" }, t("loading-seats")));
    const { sections } = await get(`/events/${event.id}/seats`, { signal });
    const map = new SeatMap({
      sections,
      event,
      signal,
      changed: () => panel.chose(),
      refused: (why) => toast(why),
    });
    panel.setMap(map);
    map.choose(chosen.seats.map((id) => map.byId.get(id)).filter((seat) => seat?.state === "free"));
    prices.textContent = priceRange(event, sections.map(({ price }) => price));
    seats.replaceChildren(
      title,
      panel.closed ? "" : picker(map, panel.limit, toast),
      h("p", { class: "sr" }, t("keys-hint")),
      legend(map),
      map.node,
    );
    map.center();
    follow(panel, signal);
  } catch (problem) {
    if (signal.aborted) return;
    seats.replaceChildren(
      title,
      alert(explain(problem)),
      h("button", { type: "button", class: "quiet", onclick: () => showSeats(view, chosen) }, t("try-again")),
    );
  }
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

async function ownBookings(id, signal) {
  const page = isSignedIn() && (await get(`/bookings?event_id=${id}&limit=50`, { signal }).catch(nothing));
  return page ? page.items : [];
}

/** Nobody waits where as many seats are free as one person may have. */
async function ownPlaceInLine(event, availability, signal) {
  if (!isSignedIn() || event.status !== "published" || availability.available >= event.max_seats_per_user)
    return null;
  return get(`/events/${event.id}/waitlist`, { signal }).catch(nothing);
}

/** Seats go while one looks; the page keeps up as long as it is looked at. */
async function follow(panel, signal) {
  const { event } = panel;
  if (event.status !== "published") return;
  while (!signal.aborted) {
    await pause(REFRESH_MILLISECONDS, signal);
    if (signal.aborted || document.hidden) continue;
    await panel.refresh().catch(() => null);
  }
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
        passOn(event),
        description(event),
        hasMap && seats,
      ),
      h("aside", { class: "side" }, panel.node),
    ),
  );
}

function legend(map) {
  const kinds = new Set([...map.byId.values()].map(({ kind }) => kind));
  const special = ["accessible", "blocked"].filter((kind) => kinds.has(kind));
  return h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    ["free", "chosen", "taken", ...special].map((state) =>
      h("li", {}, h("span", { class: `seat ${state} ${state === "accessible" ? "free" : ""} sample` }), t(`seat.${state}`)),
    ),
  );
}
