// What one has of an event already: seats held for a while, and booked ones; and what one may take instead.
import { post } from "./api.js";
import { h, toast } from "./dom.js";
import { money } from "./format.js";
import { t } from "./language.js";
import { actionButton, countdown, placeName } from "./parts.js";

export const SHOWN_SEATS = 8;

/** A hold, to confirm or let go. `then` knows the version of the event that
 * is `seen`, and hears of what came of it: confirmed, changed, released, ended, failed. */
export function holdCard(hold, signal, isAssigned, then) {
  const late = h("p", { class: "late", hidden: true }, t("hold-late", { n: hold.seats.length }));
  const clock = countdown(hold.expires_at, signal, then.ended, () => {
    late.hidden = false;
    toast(t("hold-late", { n: hold.seats.length }), "warm");
  });
  late.hidden = !clock.isLate;
  const confirm = actionButton(
    t("confirm"),
    "primary wide-button focus",
    async () => {
      const headers = { "Event-Version": then.seen };
      try {
        await then.confirmed(await post(`/bookings/${hold.id}/confirm`, undefined, { headers }));
      } catch (problem) {
        if (problem.code !== "event-changed") throw problem;
        await then.changed();
      }
    },
    (problem) => (problem.code === "hold-expired" ? then.ended() : then.failed(problem)),
  );
  const release = actionButton(
    t("release"),
    "quiet wide-button",
    async () => {
      await post(`/bookings/${hold.id}/cancel`);
      await then.released();
    },
    then.failed,
  );
  const seats = hold.seats.slice(0, SHOWN_SEATS).map((seat) => h("li", {}, placeName(seat)));
  const node = h(
    "div",
    { class: "hold" },
    h("h2", {}, t("held-seats", { n: hold.seats.length })),
    clock,
    late,
    isAssigned && h("ul", { class: "chosen-seats" }, seats),
    h(
      "p",
      { class: "total" },
      t("n-seats", { n: hold.seats.length }),
      h("strong", {}, money(hold.total, hold.currency, hold.currency_digits)),
    ),
    confirm,
    release,
  );
  return { node, clock };
}

/** `isFresh`: one of them was booked just now. */
export function bookedCard(bookings, isFresh) {
  const seats = bookings.reduce((sum, booking) => sum + booking.seats.length, 0);
  const href = bookings.length === 1 ? `/bookings/${bookings[0].id}` : "/bookings";
  return h(
    "div",
    { class: `done ${isFresh ? "fresh" : ""}`, role: isFresh ? "status" : null },
    h("p", {}, h("strong", {}, isFresh ? t("booked") : t("you-have", { n: seats }))),
    h("a", { href, class: "button quiet wide-button focus" }, t("to-tickets")),
  );
}
