// The bookings of an event as its organizer looks for them.
import { get, query as search } from "./api.js";
import { h } from "./dom.js";
import { count, money, shortDate } from "./format.js";
import { t } from "./language.js";
import { mailTo } from "./links.js";
import { actionButton, badge } from "./parts.js";

const SHOWN_BOOKINGS = 25;
const TYPING_MILLISECONDS = 300;
const SHOWN_PLACES = 4;
const STATUS_KINDS = { confirmed: "good", held: "warm", cancelled: "plain", expired: "plain" };
const COLUMNS = ["guest", "seats", "total", "status"];

export class GuestList {
  constructor({ event, signal, failed, clear }) {
    Object.assign(this, { event, signal, failed, clear });
    this.asked = {};
    this.body = h("tbody", { role: "rowgroup" });
    this.more = h("div", { class: "more" });
    this.none = h("p", { class: "hint", role: "status" });
    this.table = h(
      "div",
      { class: "table-scroll", role: "region", tabindex: 0, "aria-label": t("bookings") },
      frame(this.body),
    );
    this.filters = this.#form();
    this.node = h("div", {}, this.table, this.none, this.more);
  }

  /** The first page of what is asked for; an answer that another question has overtaken is dropped. */
  async load() {
    const asked = this.#question();
    this.asked = asked;
    const page = await this.#page(asked);
    if (asked !== this.asked) return;
    this.body.replaceChildren();
    this.#append(page);
  }

  #page(asked, cursor) {
    const parameters = { ...asked, cursor, limit: SHOWN_BOOKINGS };
    return get(`/events/${this.event.id}/bookings${search(parameters)}`, { signal: this.signal });
  }

  #question() {
    const { guest, status, checked_in } = Object.fromEntries(new FormData(this.filters));
    return { q: guest.trim(), status, checked_in };
  }

  #append(page) {
    const rows = page.items.map((booking) => row(this.event, booking));
    this.body.append(...rows);
    this.table.hidden = !this.body.children.length;
    const isFiltered = Object.values(this.asked).some(Boolean);
    this.none.textContent = this.table.hidden ? t(isFiltered ? "no-such-guest" : "no-bookings-yet") : "";
    const next = page.next_cursor && actionButton(t("more"), "quiet", () => this.#showMore(page.next_cursor), this.failed);
    this.more.replaceChildren(...(next ? [next] : []));
    return rows;
  }

  async #showMore(cursor) {
    const { asked } = this;
    const page = await this.#page(asked, cursor);
    if (asked !== this.asked) return;
    const [first] = this.#append(page);
    if (!first) return;
    first.tabIndex = -1;
    first.focus({ preventScroll: true });
  }

  #form() {
    const label = t("find-guest");
    const input = h("input", {
      type: "search",
      name: "guest",
      maxlength: 200,
      dir: "auto",
      autocomplete: "off",
      "aria-label": label,
      placeholder: label,
    });
    const statuses = Object.keys(STATUS_KINDS).map((status) => [status, t(`guests.status.${status}`)]);
    const inOrNot = [
      ["true", t("guests.in")],
      ["false", t("guests.not-in")],
    ];
    const element = h(
      "form",
      { class: "guest-filters search", role: "search" },
      input,
      choice("status", t("guests.any-status"), statuses),
      choice("checked_in", t("guests.in-or-not"), inOrNot),
    );
    this.#ask(element, input);
    return element;
  }

  /** As one types, by Enter, and with each choice. */
  #ask(element, input) {
    let typing = null;
    const ask = () => {
      clearTimeout(typing);
      this.clear();
      this.load().catch((problem) => problem.name === "AbortError" || this.failed(problem));
    };
    input.addEventListener("input", () => {
      clearTimeout(typing);
      typing = setTimeout(ask, TYPING_MILLISECONDS);
    });
    element.addEventListener("change", ({ target }) => target !== input && ask());
    element.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      ask();
    });
  }
}

function choice(name, any, options) {
  const all = [["", any], ...options].map(([value, text]) => h("option", { value }, text));
  return h("select", { name, "aria-label": any }, all);
}

// On a phone rows are drawn as blocks, and browsers would forget that they are rows.
function frame(body) {
  const heading = (word) => h("th", { role: "columnheader", scope: "col", class: `${word}-cell` }, t(word));
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, COLUMNS.map(heading)));
  return h("table", { class: "guests", role: "table" }, head, body);
}

function row(event, booking) {
  const { guest, status, seats } = booking;
  const cell = (word, ...content) => h("td", { role: "cell", class: `${word}-cell` }, content);
  return h(
    "tr",
    { role: "row" },
    cell("guest", person(guest), h("span", { class: "guest-day" }, shortDate(booking.created_at, event.timezone))),
    cell(
      "seats",
      t("n-seats", { n: seats.length }),
      h("span", { class: "guest-places", dir: "auto" }, placesOf(seats)),
    ),
    cell("total", money(booking.total, booking.currency, event.currency_digits)),
    cell(
      "status",
      badge(t(`guests.status.${status}`), STATUS_KINDS[status]),
      booking.is_checked_in && h("span", { class: "is-in" }, `✓ ${t("guests.in")}`),
    ),
  );
}

/** Name and address, as far as they are known. */
export const person = ({ name, email }) => [
  h("span", { class: "guest-name", dir: "auto" }, name ?? email ?? t("guests.unnamed")),
  name && email && h("a", { class: "guest-mail", href: mailTo(email) }, email),
];

/** "Stalls A 3–5, 7; B 1; Balcony C 1", or nothing with general admission. */
function placesOf(seats) {
  const rows = [];
  for (const { section, row: name, number } of seats) {
    if (section === null) return "";
    const last = rows.at(-1);
    if (last && last.section === section && last.name === name) last.numbers.push(number);
    else rows.push({ section, name, numbers: [number] });
  }
  const named = rows.map(({ section, name, numbers }, index) => {
    const isSame = rows[index - 1]?.section === section;
    return `${isSame ? "" : `${section} `}${name} ${runs(numbers)}`;
  });
  const rest = named.length - SHOWN_PLACES;
  return named.slice(0, SHOWN_PLACES).join("; ") + (rest > 0 ? ` … +${count(rest)}` : "");
}

/** [3, 4, 5, 7] as "3–5, 7". */
function runs(numbers) {
  const found = [];
  for (const number of numbers.toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && last[1] === number - 1) last[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => (from === to ? from : `${from}–${to}`)).join(", ");
}
