// What an event says: picture, when and where, how it is paid, until when one may cancel, and its text.
import { serverNow } from "../api.js";
import { h, icon, written } from "../dom.js";
import { clock, deadline, span, yourSpan, zoneName } from "../format.js";
import { t } from "../language.js";
import { linked } from "../links.js";
import { dateBlock, tint, titleOf } from "../parts.js";
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
  const isSameDay = new Intl.DateTimeFormat("sv", { timeZone: timezone });
  const days = [doors_at, starts_at].map((iso) => isSameDay.format(new Date(iso)));
  return days[0] === days[1] ? clock(doors_at, timezone) : deadline(doors_at, timezone);
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

/** A draft is not for others yet. */
export function passOn(event) {
  if (event.status === "draft") return null;
  const file = `/api/v1/events/${event.id}/calendar.ics`;
  return h(
    "div",
    { class: "actions pass-on no-print" },
    event.status === "published" &&
      h("a", { class: "button quiet small", href: file, download: `${event.id}.ics` }, icon("calendar"), t("calendar")),
    h(
      "button",
      { type: "button", class: "quiet small", onclick: () => share(titleOf(event), `/events/${event.id}`) },
      icon("share"),
      t("share"),
    ),
  );
}

export const description = (event) =>
  event.description
    .split(/\n{2,}/)
    .filter(Boolean)
    .map((paragraph) => h("p", { class: "prose", dir: "auto" }, linked(paragraph)));
