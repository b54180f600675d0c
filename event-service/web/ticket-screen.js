// Tickets one at a time on the whole screen, as bright as it gets, for the scanner at the door.
import { h } from "./dom.js";
import { dateAndTime, shortZone } from "./format.js";
import { t } from "./language.js";
import { placeName, titleOf, venueOf } from "./parts.js";
import { addStyles } from "./styles.js";
import { drawCode } from "./ticket-codes.js";

const SWIPE_PIXELS = 40;

/** `tickets`: pairs of booking and seat; the first shown is that of `start`. Closes when the view is left. */
export async function showTickets(tickets, { start = 0, signal } = {}) {
  await addStyles("tickets.css");
  new TicketScreen(tickets, signal).open(start);
}

class TicketScreen {
  #current = 0;
  #drawn = new Set();

  constructor(tickets, signal) {
    const slides = tickets.map((ticket, index) => slide(ticket, index, tickets.length));
    Object.assign(this, { tickets, signal, slides });
    this.stage = h("div", { class: "ticket-stage", tabindex: 0, role: "group", "aria-label": t("tickets-keys") }, slides);
    this.count = h("p", { class: "ticket-count", "aria-live": "polite" });
    [this.back, this.on] = [this.#button("ticket-before", -1), this.#button("ticket-after", 1)];
    const close = h("button", { type: "button", class: "quiet", onclick: () => this.dialog.close() }, t("close"));
    this.dialog = h(
      "dialog",
      { class: "ticket-screen", "aria-label": t("tickets") },
      h("header", {}, this.count, close),
      this.stage,
      tickets.length > 1 && h("footer", {}, this.back, this.on),
    );
  }

  #button(word, by) {
    return h("button", { type: "button", class: "quiet", onclick: () => this.#turn(by) }, t(word));
  }

  open(start) {
    const { dialog, signal, stage } = this;
    onSwipe(stage, (by) => this.#turn(by));
    dialog.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.#turn(by);
    });
    const leave = () => dialog.close();
    const release = keepAwake();
    signal?.addEventListener("abort", leave, { once: true });
    dialog.addEventListener("close", () => {
      signal?.removeEventListener("abort", leave);
      release();
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
    this.#show(start);
    stage.focus({ preventScroll: true });
  }

  #turn(by) {
    if (this.slides[this.#current + by]) this.#show(this.#current + by);
  }

  #show(index) {
    const { back, count, on, slides, stage, tickets } = this;
    this.#current = index;
    count.textContent = `${t("ticket-n", { n: index + 1, all: slides.length })} · ${placeName(tickets[index].seat)}`;
    slides.forEach((element, other) => element.toggleAttribute("hidden", other !== index));
    stage.scrollTop = 0;
    const pressed = document.activeElement;
    back.disabled = index === 0;
    on.disabled = index === slides.length - 1;
    if (pressed?.disabled) stage.focus({ preventScroll: true });
    for (const near of [index, index + 1, index - 1]) this.#draw(near);
  }

  #draw(index) {
    if (!this.slides[index] || this.#drawn.has(index)) return;
    this.#drawn.add(index);
    const { booking, seat } = this.tickets[index];
    drawCode(this.slides[index].querySelector(".qr"), booking, seat, this.signal);
  }
}

/** Calls with 1 or -1 for a finger that goes to the left or to the right. */
function onSwipe(element, turn) {
  let from = null;
  const begin = ({ touches }) => {
    from = touches.length === 1 ? { x: touches[0].clientX, y: touches[0].clientY } : null;
  };
  const end = ({ changedTouches: [touch] }) => {
    if (!from) return;
    const [x, y] = [touch.clientX - from.x, touch.clientY - from.y];
    from = null;
    if (Math.abs(x) > SWIPE_PIXELS && Math.abs(x) > 2 * Math.abs(y)) turn(x < 0 ? 1 : -1);
  };
  element.addEventListener("touchstart", begin, { passive: true });
  element.addEventListener("touchend", end, { passive: true });
}

/** "Friday, 22 January 2027 at 19:30 CET", of a booking or an event. */
export const whenOf = ({ starts_at, timezone }) =>
  `${dateAndTime(starts_at, timezone)} ${shortZone(starts_at, timezone)}`;

function slide({ booking, seat }, index, all) {
  return h(
    "section",
    { class: "slide", "aria-label": t("ticket-n", { n: index + 1, all }) },
    h("div", { class: "qr", role: "img", "aria-label": t("qr-of", { seat: placeName(seat) }) }),
    h("p", { class: "code" }, seat.ticket_code),
    h("h2", { dir: "auto" }, titleOf(booking)),
    h("p", { class: "place", dir: "auto" }, placeName(seat)),
    h("p", {}, whenOf(booking)),
    h("p", {}, venueOf(booking)),
    booking.guest_name && h("p", { dir: "auto" }, t("guest-is", { name: booking.guest_name })),
  );
}

/** The screen stays on, where the browser can do that, also after another window was looked at. */
function keepAwake() {
  let lock = null;
  let isOpen = true;
  const release = () => lock?.release().catch(() => null);
  const ask = async () => {
    if (document.hidden) return;
    try {
      lock = await navigator.wakeLock?.request("screen");
      if (!isOpen) release();
    } catch {
      // A battery that is nearly empty, for example: the screen goes dark as always.
    }
  };
  ask();
  document.addEventListener("visibilitychange", ask);
  return () => {
    isOpen = false;
    document.removeEventListener("visibilitychange", ask);
    release();
  };
}
