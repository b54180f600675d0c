// One booking: its tickets first, then what can be done with it, then its mails.
import { api, get, post } from "../api.js";
import { awayNotice } from "../away-notice.js";
import { saveCalendar } from "../booking-calendar.js";
import { bookingMails } from "../booking-mails.js";
import { cancelActions, cancelHint } from "../cancel-seats.js";
import { ask, h, icon, toast } from "../dom.js";
import { money, shortDate, span, zoneName } from "../format.js";
import { isAway, keptBooking, patiently, refreshKept } from "../kept-tickets.js";
import { isolate, t } from "../language.js";
import { actionButton, alert, badge, countdown, dateBlock, explain, field, tint, titleOf, venueOf } from "../parts.js";
import { addStyles } from "../styles.js";
import { ticketSection } from "../tickets.js";
import { STATUS_KINDS } from "./bookings.js";

export async function render({ params: [id], signal }) {
  const [loaded] = await Promise.all([load(id, signal), addStyles("bookings.css"), addStyles("tickets.css")]);
  const view = { ...loaded, signal, node: h("article", { class: "event booking" }) };
  draw(view);
  if (!view.keptAt) view.node.append(bookingMails(view.booking, signal));
  return { title: view.event ? isolate(titleOf(view.event)) : t("booking"), node: view.node };
}

/** The booking and its event; what this device keeps of them, where nobody answers. */
async function load(id, signal) {
  try {
    const patience = keptBooking(id) ? patiently(signal) : signal;
    const booking = await get(`/bookings/${id}`, { signal: patience });
    refreshKept([booking]);
    return { booking, event: await get(`/events/${booking.event_id}`, { signal: patience }).catch(() => null) };
  } catch (problem) {
    const kept = isAway(problem) && keptBooking(id);
    if (!kept) throw problem;
    return { booking: kept.booking, event: kept.event, keptAt: kept.kept_at };
  }
}

/** All but the mails, which stay as they are. */
function draw(view) {
  const { booking, event, node } = view;
  view.clock?.stop();
  view.clock = booking.status === "held" ? countdown(booking.expires_at, view.signal, () => reload(view, problems)) : null;
  const problems = h("div", { class: "booking-problems" });
  const isTicket = booking.status === "confirmed";
  const parts = [
    h("a", { href: "/bookings", class: "back" }, icon("back"), t("my-bookings")),
    banner(view),
    view.keptAt && awayNotice(view.keptAt),
    event && h("p", { class: "lead" }, span(event), h("span", { class: "zone" }, zoneName(event), " · ", venueOf(event))),
    view.clock,
    isTicket && ticketSection(view),
    facts(view),
    !view.keptAt && h("div", { class: "actions no-print" }, actions(view, problems)),
    !view.keptAt && cancelHint(booking, event),
    problems,
  ];
  const mails = node.querySelector(".mails-section") ?? "";
  node.replaceChildren(...parts.filter(Boolean), mails);
}

function banner({ booking, event }) {
  const title = booking.title ? titleOf(booking) : t("booking-of", { date: shortDate(booking.created_at) });
  const status = badge(t(`status.${booking.status}`), STATUS_KINDS[booking.status]);
  const element = h(
    "header",
    { class: "banner" },
    event && dateBlock(event),
    h("div", { class: "heading" }, h("p", { class: "category" }, status), h("h1", { dir: "auto", tabindex: -1 }, title)),
  );
  return tint(element, event?.category || title);
}

const facts = ({ booking, event }) =>
  h(
    "div",
    { class: "booking-facts no-print" },
    h(
      "p",
      { class: "total" },
      t("n-seats", { n: booking.seats.length }),
      h("strong", {}, money(booking.total, booking.currency, event?.currency_digits)),
    ),
    h("p", { dir: "auto" }, booking.guest_name ? t("guest-is", { name: booking.guest_name }) : t("guest-unnamed")),
    event?.payment_note && h("p", { class: "hint", dir: "auto" }, event.payment_note),
  );

/** Below the buttons, where a small window may end. */
const failed = (place) => (problem) => {
  place.replaceChildren(alert(explain(problem)));
  place.scrollIntoView({ block: "nearest" });
};

async function reload(view, problems) {
  try {
    view.booking = await get(`/bookings/${view.booking.id}`, { signal: view.signal });
    draw(view);
  } catch (problem) {
    if (problem.name !== "AbortError") failed(problems)(problem);
  }
}

function actions(view, problems) {
  const { booking, event } = view;
  const fail = failed(problems);
  const list = [];
  if (booking.status === "held") list.push(actionButton(t("confirm"), "primary", () => confirm(view), fail));
  if (booking.status === "confirmed" && event)
    list.push(actionButton(t("calendar"), "quiet", () => saveCalendar(booking), fail));
  if (event) list.push(h("a", { class: "button quiet", href: `/events/${event.id}` }, t("to-event")));
  if (booking.status === "confirmed" || booking.status === "held") {
    list.push(
      actionButton(t("name-guest"), "quiet", () => nameGuest(view), fail),
      ...cancelActions(booking, event, (after) => become(view, after), fail),
    );
  }
  return list;
}

/** The button that was pressed is gone: its place in the page stays with who uses no mouse. */
function become(view, after) {
  const { status, seats } = view.booking;
  view.booking = after;
  refreshKept([after]);
  draw(view);
  view.node.querySelector("h1").focus({ preventScroll: true });
  const isMailed = after.status !== status || after.seats.length !== seats.length;
  if (isMailed) view.node.querySelector(".mails-section")?.follow();
}

async function confirm(view) {
  const { booking, event, node } = view;
  const headers = event ? { "Event-Version": event.version } : {};
  try {
    become(view, await post(`/bookings/${booking.id}/confirm`, undefined, { headers }));
    toast(t("booked"), "good");
  } catch (problem) {
    if (problem.code !== "event-changed") throw problem;
    Object.assign(view, await load(booking.id, view.signal));
    draw(view);
    failed(node.querySelector(".booking-problems"))(problem);
    node.querySelector(".actions .primary")?.focus({ preventScroll: true });
  }
}

async function nameGuest(view) {
  const { booking } = view;
  const name = field({
    label: t("full-name"),
    name: "guest_name",
    maxlength: 200,
    value: booking.guest_name ?? "",
    hint: t("guest-name-hint"),
  });
  const sure = await ask({ title: t("name-guest"), yes: t("save"), no: t("keep"), content: name, kind: "" });
  if (!sure) return;
  const guest_name = name.input.value.trim() || null;
  become(view, await api("PATCH", `/bookings/${booking.id}`, { body: { guest_name } }));
}
