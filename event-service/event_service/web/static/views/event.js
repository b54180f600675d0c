// One event, its seats, and the panel to book them.
import { get, isSignedIn } from "../api.js";
import { h, icon, pause, toast } from "../dom.js";
import { money, span, zoneName } from "../format.js";
import { t } from "../language.js";
import { dateBlock, tint } from "../parts.js";
import { SeatMap } from "../seat-map.js";
import { Panel } from "../panel.js";

const REFRESH_MILLISECONDS = 10_000;
const LARGE_HALL_SEATS = 5_000;
const LARGE_HALL_REFRESH_MILLISECONDS = 45_000;

// What was chosen before somebody went to sign in.
const remembered = new Map();

export async function render({ params: [id], signal, go }) {
  const [event, availability, mine] = await Promise.all([
    get(`/events/${id}`, { signal }), get(`/events/${id}/availability`, { signal }), own(id, signal)]);
  const isAssigned = event.seating === "assigned";
  const { sections } = isAssigned && event.status === "published" ? await get(`/events/${id}/seats`, { signal }) : { sections: [] };
  const chosen = remembered.get(id) ?? { seats: [], quantity: 1 };
  remembered.delete(id);
  const panel = new Panel({
    event, availability, mine, signal, quantity: chosen.quantity,
    signIn: (choice) => { remembered.set(id, choice); go(`/sign-in?next=${encodeURIComponent(`/events/${id}`)}`); },
  });
  if (sections.length) addMap(panel, sections, chosen, signal);
  follow(panel, signal);
  return { title: event.title, node: page(event, panel) };
}

/** One's own holds and place in the line; a page must not fail for want of them. */
async function own(id, signal) {
  if (!isSignedIn()) return { bookings: [], waiting: null };
  const nothing = (problem) => { if (problem.name === "AbortError") throw problem; return null; };
  const [bookings, waiting] = await Promise.all([
    get(`/bookings?event_id=${id}&limit=50`, { signal }).catch(nothing), get(`/events/${id}/waitlist`, { signal }).catch(nothing)]);
  return { bookings: bookings?.items ?? [], waiting };
}

function addMap(panel, sections, chosen, signal) {
  const map = new SeatMap({
    sections, currency: panel.event.currency, limit: panel.event.max_seats_per_user, signal,
    changed: () => panel.chose(), refused: (why) => toast(why),
  });
  panel.setMap(map);
  map.choose(chosen.seats.map((id) => map.byId.get(id)).filter((seat) => seat?.state === "free"));
}

/** Seats go while one looks; the page keeps up as long as it is looked at. */
async function follow(panel, signal) {
  const { event } = panel;
  if (event.status !== "published") return;
  const isLarge = (panel.map?.size ?? 0) > LARGE_HALL_SEATS;
  while (!signal.aborted) {
    await pause(isLarge ? LARGE_HALL_REFRESH_MILLISECONDS : REFRESH_MILLISECONDS, signal);
    if (signal.aborted || document.hidden) continue;
    await panel.refresh().catch(() => null);
  }
}

function page(event, panel) {
  const prices = panel.map ? panel.map.sections.map(({ price }) => price) : [event.price];
  const [low, high] = [Math.min(...prices), Math.max(...prices)].map((price) => money(price, event.currency));
  const banner = h("header", { class: "banner" }, dateBlock(event),
    h("div", {}, event.category && h("p", { class: "category" }, event.category), h("h1", {}, event.title)));
  tint(banner, event.category || event.title);
  return h("article", { class: "event" },
    h("a", { href: "#/", class: "back" }, icon("back"), t("all-events")),
    banner,
    h("div", { class: "columns" },
      h("div", { class: "story" },
        h("dl", { class: "facts" },
          fact("clock", t("when"), span(event), h("span", { class: "zone" }, zoneName(event.starts_at, event.timezone))),
          fact("place", t("where"), event.venue, h("span", { class: "zone" }, event.city)),
          fact("ticket", t("price"), low === high ? low : t("from-to", { low, high }))),
        event.description.split(/\n{2,}/).filter(Boolean).map((paragraph) => h("p", { class: "prose" }, paragraph)),
        panel.map && h("section", { class: "seats", "aria-labelledby": "seats-title" },
          h("h2", { id: "seats-title" }, t("choose-seats")), legend(), h("p", { class: "sr" }, t("keys-hint")), panel.map.node)),
      h("aside", { class: "side" }, panel.node)));
}

function fact(name, label, ...value) {
  return h("div", {}, h("dt", {}, icon(name), h("span", { class: "sr" }, label)), h("dd", {}, value));
}

function legend() {
  return h("ul", { class: "legend", "aria-hidden": "true" },
    ["free", "chosen", "taken"].map((state) => h("li", {}, h("span", { class: `seat ${state} sample` }), t(`seat.${state}`))));
}
