// What an event says: picture, when and where, how it is paid, until when one may cancel, and its text.
import { serverNow } from "../api.js";
import { h, icon, toast, written } from "../dom.js";
import { clock, deadline, shortDate, span, yourSpan, zoneName } from "../format.js";
import { t } from "../language.js";
import { linked } from "../links.js";
import { dateBlock, explain, tint, titleOf } from "../parts.js";
import { picture } from "../picture.js";
import { share } from "../share.js";

// As in event.css: beside the title, or above it.
const SIZES = "(max-width: 44rem) 100vw, 34rem";
const MAP = "https://www.openstreetmap.org/search?query=";

export function banner(event) {
  const node = h(
    "header",
    { class: "banner" },
    picture(event, { sizes: SIZES, isFirst: true }),
    dateBlock(event),
    h(
      "div",
      { class: "heading" },
      event.category && h("p", { class: "category", dir: "auto" }, event.category),
      h("h1", { dir: "auto" }, titleOf(event)),
    ),
  );
  return tint(node, event.category || event.title);
}

/** `prices` is the `dd` that shows what seats cost. */
export function facts(event, prices) {
  return h(
    "dl",
    { class: "facts" },
    when(event),
    fact(
      "place",
      t("where"),
      h("dd", {}, written(event.venue), h("span", { class: "zone" }, written(event.city))),
      h("dd", { class: "more-said" }, mapLink(event)),
    ),
    fact(
      "ticket",
      t("price"),
      prices,
      event.payment_note && h("dd", { class: "more-said note", dir: "auto" }, linked(event.payment_note)),
    ),
    event.organizer_name && fact("person", t("organizer"), h("dd", {}, written(event.organizer_name))),
    cancelling(event),
  );
}

function when(event) {
  const yours = yourSpan(event);
  return fact(
    "clock",
    t("when"),
    h("dd", {}, span(event), h("span", { class: "zone" }, zoneName(event))),
    yours && h("dd", { class: "more-said" }, t("your-clock", { span: yours })),
    event.doors_at && h("dd", { class: "more-said" }, t("doors", { time: doorsTime(event) })),
  );
}

/** With the day where it is another one. */
function doorsTime({ doors_at, starts_at, timezone }) {
  const isSameDay = shortDate(doors_at, timezone) === shortDate(starts_at, timezone);
  return isSameDay ? clock(doors_at, timezone) : deadline(doors_at, timezone);
}

function mapLink({ venue, city }) {
  const href = MAP + encodeURIComponent(`${venue}, ${city}`);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer" }, t("on-map"));
}

function cancelling({ status, cancellation_deadline, starts_at, timezone }) {
  if (status !== "published") return null;
  const isOver = Date.parse(cancellation_deadline) <= serverNow();
  const isStart = cancellation_deadline === starts_at;
  const words = isOver
    ? t("cancel-over")
    : isStart
      ? t("cancel-until-start")
      : t("cancel-until", { when: deadline(cancellation_deadline, timezone) });
  return fact("undo", t("cancelling"), h("dd", { class: "plain" }, words));
}

function fact(name, label, ...values) {
  return h("div", {}, h("dt", {}, icon(name), h("span", { class: "sr" }, label)), values);
}

/** A draft is not for others yet. `booked` answers a booking that one has by now, or undefined. */
export function passOn(event, booked) {
  if (event.status === "draft") return null;
  return h(
    "div",
    { class: "actions pass-on no-print" },
    event.status === "published" && calendarLink(event, booked),
    h(
      "button",
      { type: "button", class: "quiet small", onclick: () => share(titleOf(event), `/events/${event.id}`) },
      icon("share"),
      t("share"),
    ),
  );
}

/** The event's file; the booking's for whoever has one, or the calendar would show both. */
function calendarLink(event, booked) {
  const save = async (click) => {
    const booking = booked();
    if (!booking) return;
    click.preventDefault();
    try {
      const { saveCalendar } = await import("../booking-calendar.js");
      await saveCalendar(booking);
    } catch (problem) {
      toast(problem.code ? explain(problem) : t("problem.network"), "bad");
    }
  };
  const href = `/api/v1/events/${event.id}/calendar.ics`;
  const properties = { class: "button quiet small", href, download: `${event.id}.ics`, onclick: save };
  return h("a", properties, icon("calendar"), t("calendar"));
}

export const description = (event) =>
  event.description
    .split(/\n{2,}/)
    .filter(Boolean)
    .map((paragraph) => h("p", { class: "prose", dir: "auto" }, linked(paragraph)));
