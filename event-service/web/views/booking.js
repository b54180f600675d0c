// One booking with its tickets.
import { api, get, post } from "../api.js";
import { ask, download, h, icon, toast } from "../dom.js";
import { money, shortDate, span, zoneName } from "../format.js";
import { isolate, t } from "../language.js";
import {
  actionButton,
  alert,
  badge,
  countdown,
  dateBlock,
  explain,
  field,
  placeName,
  tint,
  titleOf,
  venueOf,
} from "../parts.js";
import { cancelActions, cancelHint } from "../cancel-seats.js";
import { STATUS_KINDS } from "./bookings.js";

export async function render({ params: [id], signal }) {
  const booking = await get(`/bookings/${id}`, { signal });
  const event = await get(`/events/${booking.event_id}`, { signal }).catch(() => null);
  const node = h("article", { class: "event" });
  const view = { booking, event, node, signal };
  signal.addEventListener("abort", () => release(node), { once: true });
  draw(view);
  return { title: event ? isolate(titleOf(event)) : t("booking"), node };
}

function draw(view) {
  const { booking, event, node } = view;
  release(node);
  view.clock?.stop();
  view.clock =
    booking.status === "held"
      ? countdown(booking.expires_at, view.signal, () => reload(view, problems))
      : null;
  const problems = h("div", {});
  const title = event ? titleOf(event) : t("booking-of", { date: shortDate(booking.created_at) });
  const banner = h(
    "header",
    { class: "banner" },
    event && dateBlock(event),
    h(
      "div",
      {},
      h("p", { class: "category" }, badge(t(`status.${booking.status}`), STATUS_KINDS[booking.status])),
      h("h1", { dir: "auto", tabindex: -1 }, title),
    ),
  );
  tint(banner, event?.category || title);
  node.replaceChildren(
    ...[
      h("a", { href: "/bookings", class: "back" }, icon("back"), t("my-bookings")),
      banner,
      event &&
        h(
          "p",
          { class: "lead" },
          span(event),
          h("span", { class: "zone" }, zoneName(event), " · ", venueOf(event)),
        ),
      h(
        "p",
        { class: "total" },
        t("n-seats", { n: booking.seats.length }),
        h("strong", {}, money(booking.total, booking.currency, booking.currency_digits)),
      ),
      h("p", { dir: "auto" }, booking.guest_name ? t("guest-is", { name: booking.guest_name }) : t("guest-unnamed")),
      view.clock,
      h("div", { class: "actions no-print" }, actions(view, problems)),
      cancelHint(booking, event),
      problems,
      booking.status === "confirmed" && tickets(view),
    ].filter(Boolean),
  );
}

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
  // The button that was pressed is gone: its place in the page stays with who uses no mouse.
  const become = (after) => {
    view.booking = after;
    draw(view);
    view.node.querySelector("h1").focus({ preventScroll: true });
  };
  const list = [];
  if (booking.status === "held") {
    list.push(
      actionButton(
        t("confirm"),
        "primary",
        async () => {
          become(await post(`/bookings/${booking.id}/confirm`));
          toast(t("booked"), "good");
        },
        failed(problems),
      ),
    );
  }
  if (booking.status === "confirmed" && event) {
    list.push(actionButton(t("calendar"), "primary", () => calendar(booking), failed(problems)));
    list.push(h("button", { type: "button", class: "quiet", onclick: () => window.print() }, t("print")));
  }
  if (event) list.push(h("a", { class: "button quiet", href: `/events/${event.id}` }, t("to-event")));
  if (booking.status === "confirmed" || booking.status === "held") {
    list.push(
      actionButton(t("name-guest"), "quiet", () => nameGuest(booking, become), failed(problems)),
      ...cancelActions(booking, event, become, failed(problems)),
    );
  }
  return list;
}

async function nameGuest(booking, become) {
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
  become(await api("PATCH", `/bookings/${booking.id}`, { body: { guest_name } }));
}

async function calendar(booking) {
  try {
    download(
      await get(`/bookings/${booking.id}/calendar.ics`, { as: "blob", headers: { Accept: "text/calendar" } }),
      "parterre.ics",
    );
  } catch (problem) {
    if (problem.status !== 404) throw problem;
    toast(t("calendar-missing"));
  }
}

function tickets({ booking, signal }) {
  return h(
    "section",
    { "aria-labelledby": "tickets-title" },
    h("h2", { id: "tickets-title" }, t("tickets")),
    h("p", { class: "hint" }, t("tickets-hint")),
    h(
      "ul",
      { class: "tickets" },
      booking.seats.map((seat, index) => ticket(booking, seat, index, signal)),
    ),
  );
}

function ticket(booking, seat, index, signal) {
  const code = h("div", { class: "qr" });
  drawCode(
    code,
    `/bookings/${booking.id}/tickets/${seat.id}.svg`,
    t("qr-of", { seat: placeName(seat) }),
    signal,
  );
  return h(
    "li",
    { class: "ticket" },
    code,
    h(
      "div",
      { class: "stub" },
      h("p", { class: "hint" }, t("ticket-n", { n: index + 1, all: booking.seats.length })),
      h("p", { class: "place", dir: "auto" }, placeName(seat)),
      h("p", { class: "code" }, seat.ticket_code),
    ),
  );
}

/** As a blob: an image's address would be asked for without renewing the session. */
async function drawCode(place, path, alt, signal) {
  try {
    const blob = await get(path, { as: "blob", headers: { Accept: "image/svg+xml" }, signal });
    const url = URL.createObjectURL(new Blob([blob], { type: "image/svg+xml" }));
    place.append(h("img", { src: url, alt, width: 148, height: 148 }));
  } catch {
    // The code in letters stands beside it.
    place.classList.add("missing");
  }
}

function release(node) {
  for (const image of node.querySelectorAll(".qr img")) URL.revokeObjectURL(image.src);
}
