// An organizer's own events: drafts, what is to come, and what has been.
import { get, query as search, serverNow } from "../api.js";
import { strip } from "../desk/fill-chart.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { t } from "../language.js";
import { actionButton, alert, empty, eventCard, explain } from "../parts.js";
import { addStyles } from "../styles.js";

const SHOWN = 24;
const GROUPS = ["now", "drafts", "coming", "past"];

export async function render({ signal }) {
  const groups = new Groups(signal);
  await Promise.all([groups.load("coming"), groups.load("past"), addStyles("desk.css"), addStyles("desk-parts.css")]);
  const create = h("a", { href: "/my-events/new", class: "button primary" }, t("new-event"));
  const node = h(
    "div",
    { class: "wide" },
    h("div", { class: "title-line" }, h("h1", {}, t("my-events")), !groups.isEmpty && create),
    groups.isEmpty ? empty(t("no-own-events"), t("no-own-events-hint"), create) : groups.node,
  );
  return { title: t("my-events"), node };
}

/** Two lists of the service, divided at this moment, shown in four groups. */
class Groups {
  constructor(signal) {
    this.signal = signal;
    this.at = new Date(serverNow()).toISOString();
    this.cards = Object.fromEntries(GROUPS.map((name) => [name, h("div", { class: "cards" })]));
    // A draft stands among the drafts, whenever it begins.
    this.more = { coming: h("div", { class: "more" }), past: h("div", { class: "more" }) };
    this.sections = GROUPS.map((name) =>
      h("section", { class: "own-events" }, h("h2", {}, t(`own.${name}`)), this.cards[name], this.more[name]),
    );
    this.node = h("div", {}, this.sections);
  }

  get isEmpty() {
    return this.sections.every((section) => section.hidden);
  }

  /** The next page of what has not begun, the nearest first, or of what has, the latest first. */
  async load(list, cursor) {
    const order =
      list === "coming" ? { sort: "starts_at", starts_from: this.at } : { sort: "-starts_at", starts_to: this.at };
    const parameters = { organizer: "me", ...order, cursor, limit: SHOWN };
    const page = await get(`/events${search(parameters)}`, { signal: this.signal });
    for (const event of page.items) this.cards[this.#groupOf(event)].append(card(event));
    this.#offerMore(list, page.next_cursor);
    this.sections.forEach((section, index) => {
      const name = GROUPS[index];
      section.hidden = !this.cards[name].children.length && !this.more[name]?.children.length;
    });
  }

  #groupOf(event) {
    if (event.status === "draft") return "drafts";
    if (event.starts_at > this.at) return "coming";
    return event.status === "published" && Date.parse(event.ends_at) > Date.parse(this.at) ? "now" : "past";
  }

  #offerMore(list, cursor) {
    const failed = (problem) => this.more[list].append(alert(explain(problem)));
    const button = actionButton(t("more"), "quiet", () => this.load(list, cursor), failed);
    this.more[list].replaceChildren(...(cursor ? [button] : []));
  }
}

function card(event) {
  const taken = event.capacity - event.seats_available;
  const extra =
    event.status !== "draft" &&
    h(
      "div",
      { class: "own-fill" },
      strip([["booked", taken / event.capacity]]),
      h("p", { class: "hint" }, t("sold", { sold: count(taken), capacity: count(event.capacity) })),
    );
  return eventCard(event, { href: `/my-events/${event.id}`, extra });
}
