// The tickets of a booking: on the page, full screen, on paper, and kept for a door without a connection.
import { h } from "./dom.js";
import { keep, keptBooking } from "./kept-tickets.js";
import { t } from "./language.js";
import { keepPage } from "./offline-page.js";
import { placeName, titleOf, venueOf } from "./parts.js";
import { drawCode } from "./ticket-codes.js";
import { showTickets, whenOf } from "./ticket-screen.js";

/** All tickets of bookings as the screen and the page show them. */
export const ticketsOf = (bookings) =>
  bookings.flatMap((booking) => booking.seats.map((seat) => ({ booking, seat })));

/** Of a booking, with its event or null. `keptAt`: since when the device has it, where nobody answers. */
export function ticketSection({ booking, event, signal, keptAt }) {
  const all = ticketsOf([booking]);
  const codes = new Map();
  // It has its place before it can be read: what stands below is not to move away from under a finger.
  const words = h("span", { class: "not-yet" }, t("tickets-kept"));
  const told = h("p", { class: "hint kept no-print", role: "status" }, words);
  const items = all.map((one, index) => ticket(all, index, event, signal));
  const drawn = items.map(async ({ place }, index) => {
    const svg = await drawCode(place, booking, all[index].seat, signal);
    if (svg) codes.set(all[index].seat.ticket_code, svg);
  });
  const ready = Promise.all(drawn);
  if (!keptAt) ready.then(() => keepAndTell(booking, event, codes, words)).catch(() => null);
  return h(
    "section",
    { class: "ticket-section", "aria-labelledby": "tickets-title" },
    h("h2", { id: "tickets-title", class: "no-print" }, t("tickets")),
    h("p", { class: "hint no-print" }, t("tickets-hint")),
    h("div", { class: "actions no-print" }, buttons(all, signal, ready)),
    h("ul", { class: "tickets" }, items.map(({ item }) => item)),
    told,
  );
}

function buttons(all, signal, ready) {
  const show = () => showTickets(all, { signal });
  const print = async () => {
    // Paper has no second look: every code is on it.
    await ready;
    window.print();
  };
  return [
    h("button", { type: "button", class: "primary", onclick: show }, t("show-tickets", { n: all.length })),
    h("button", { type: "button", class: "quiet", onclick: print, title: t("print-hint") }, t("print-or-pdf")),
  ];
}

async function keepAndTell(booking, event, codes, words) {
  const isKept = (event || !keptBooking(booking.id)) && (await keep(booking, event, codes));
  if (isKept && !(await keepPage())) words.textContent = t("tickets-kept-open");
  words.classList.toggle("not-yet", !isKept);
}

function ticket(all, index, event, signal) {
  const { booking, seat } = all[index];
  const seatName = placeName(seat);
  const place = h("button", {
    type: "button",
    class: "qr",
    "aria-label": t("show-ticket", { seat: seatName, n: index + 1, all: all.length }),
    onclick: () => showTickets(all, { signal, start: index }),
  });
  const item = h(
    "li",
    { class: "ticket" },
    place,
    h(
      "div",
      { class: "stub" },
      h("p", { class: "ticket-event", dir: "auto" }, titleOf(booking)),
      h("p", { class: "hint" }, whenOf(booking)),
      h("p", { class: "hint on-paper" }, venueOf(booking)),
      h("p", { class: "place", dir: "auto" }, seatName),
      booking.guest_name && h("p", { class: "on-paper", dir: "auto" }, t("guest-is", { name: booking.guest_name })),
      event?.payment_note && h("p", { class: "hint on-paper", dir: "auto" }, event.payment_note),
      h("p", { class: "hint" }, t("ticket-n", { n: index + 1, all: all.length })),
      h("p", { class: "code" }, seat.ticket_code),
    ),
  );
  return { item, place };
}
