// Giving up a booking, or some of its seats.
import { post, serverNow } from "./api.js";
import { ask, h, toast } from "./dom.js";
import { deadline } from "./format.js";
import { t } from "./language.js";
import { actionButton, placeName } from "./parts.js";

const isTooLate = (event) => Boolean(event) && Date.parse(event.cancellation_deadline) <= serverNow();

/** Until when a booking may be cancelled, or why it may not be any more. */
export function cancelHint(booking, event) {
  if (booking.status !== "confirmed" || !event) return null;
  if (Date.parse(event.ends_at) <= serverNow()) return h("p", { class: "hint cancel-hint no-print" }, t("closed.over"));
  const when = deadline(event.cancellation_deadline, event.timezone);
  const text = isTooLate(event)
    ? t("cancel-closed", { when })
    : t(booking.can_cancel ? "cancel-until" : "problem.checked-in", { when });
  return h("p", { class: "hint cancel-hint no-print" }, text);
}

/** The buttons that are of use now. After a check-in the seats of the others may still be given up. */
export function cancelActions(booking, event, become, failed) {
  const isHeld = booking.status === "held";
  const buttons = [];
  if (booking.seats.length > 1 && (isHeld || !isTooLate(event)))
    buttons.push(actionButton(t("cancel-seats"), "quiet danger", () => cancelSome(booking, become), failed));
  if (booking.can_cancel)
    buttons.push(actionButton(t("cancel-booking"), "quiet danger", () => cancelAll(booking, become), failed));
  return buttons;
}

async function cancelAll(booking, become) {
  const sure = await ask({
    title: t("cancel-booking-ask"),
    text: t("cancel-booking-text"),
    yes: t("cancel-booking"),
    no: t("keep"),
  });
  if (!sure) return;
  become(await post(`/bookings/${booking.id}/cancel`));
  toast(t("booking-cancelled"));
}

async function cancelSome(booking, become) {
  const boxes = booking.seats.map((seat) => h("input", { type: "checkbox", value: seat.id }));
  const chosen = () => boxes.filter((box) => box.checked).map((box) => box.value);
  const note = h("p", { class: "error", role: "alert" });
  const say = () => {
    note.textContent = chosen().length === boxes.length ? t("cancel-seats-all") : "";
  };
  const content = h(
    "fieldset",
    { class: "seats-to-cancel", onchange: say },
    h("legend", { class: "sr" }, t("cancel-seats-which")),
    booking.seats.map((seat, index) => h("label", { class: "check" }, boxes[index], seatLabel(booking, seat, index))),
  );
  const sure = await ask({
    title: t("cancel-seats-which"),
    text: t("cancel-booking-text"),
    yes: t("cancel-seats-yes"),
    no: t("keep-all"),
    content: [content, note],
    mayAgree: () => {
      if (!chosen().length) note.textContent = t("cancel-seats-none");
      return chosen().length > 0;
    },
  });
  if (!sure) return;
  const number = chosen().length;
  become(await post(`/bookings/${booking.id}/cancel`, { seat_ids: chosen() }));
  toast(t("seats-cancelled", { n: number }));
}

/** Seats by their place; tickets without one by number and code, as they stand in the mail. */
function seatLabel(booking, seat, index) {
  const isPlace = seat.section !== null && seat.section !== undefined;
  if (isPlace) return h("span", { dir: "auto" }, placeName(seat));
  const ticket = t("ticket-n", { n: index + 1, all: booking.seats.length });
  return h("span", {}, ticket, " ", h("span", { class: "code" }, seat.ticket_code));
}
