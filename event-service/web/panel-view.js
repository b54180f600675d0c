// What one sees beside an event: how many or which seats, what they cost, the buttons; what one has already.
import { serverNow } from "./api.js";
import { h } from "./dom.js";
import { count, deadline, money } from "./format.js";
import { t } from "./language.js";
import { bookedCard, SHOWN_SEATS } from "./panel-cards.js";
import { actionButton, alert, availability as seatsBadge, placeName, stepper } from "./parts.js";
import { Purchase } from "./purchase.js";
import { keepChoice } from "./seats/choice.js";
import { withSlowLine } from "./slow-line.js";
import { Waitlist } from "./waitlist.js";

/** Panel books; this draws it. */
export class PanelView {
  /** `renew` shows the event anew, which has been changed, and says why. `fresh`: the id of what was booked just now. */
  constructor({ event, availability, mine, signal, signIn, quantity, renew, purchase = new Purchase(), fresh }) {
    Object.assign(this, { event, availability, signal, signIn, renew, purchase, fresh });
    this.isUnknown = mine.bookings === null;
    this.holds = (mine.bookings ?? []).filter(({ status }) => status === "held");
    this.confirmed = (mine.bookings ?? []).filter(({ status }) => status === "confirmed");
    this.waitlist = new Waitlist(this, mine.waiting);
    this.map = null;
    this.clocks = [];
    this.message = h("div", { tabindex: -1 });
    this.body = h("div", { class: "panel-body" });
    this.badge = h("p", { class: "panel-badge" });
    this.node = h(
      "section",
      { class: "panel", "aria-label": t("booking") },
      this.badge,
      this.body,
      this.message,
    );
    this.stepper = stepper({
      label: t("how-many"),
      value: quantity,
      max: this.limit,
      changed: () => this.drawTotal(),
    });
    this.total = h("p", { class: "total", "aria-live": "polite", tabindex: -1 });
    this.list = h("ul", { class: "chosen-seats" });
    this.book = this.button("book-now", "primary wide-button", false);
    this.hold = this.button("hold", "quiet wide-button", true);
    this.draw();
  }

  get limit() {
    const left = Math.max(1, this.availability.available);
    return Math.min(this.event.max_seats_per_user, left);
  }

  get isAssigned() {
    return this.event.seating === "assigned";
  }

  /** Of what is seen: the map may be older than the rest, or newer. */
  get version() {
    return Math.min(this.event.version, this.map?.version ?? this.event.version);
  }

  /** Why nothing can be booked now, or null. */
  get closed() {
    const { event } = this;
    const now = serverNow();
    if (event.status === "cancelled") return t("closed.cancelled");
    if (event.status === "draft") return t("closed.draft");
    if (Date.parse(event.ends_at) <= now) return t("closed.over");
    if (event.sales_start && Date.parse(event.sales_start) > now)
      return t("closed.not-yet", { when: deadline(event.sales_start, event.timezone) });
    if (event.sales_end && Date.parse(event.sales_end) <= now) return t("closed.ended");
    return null;
  }

  draw() {
    this.wasFull = this.availability.available <= 0;
    this.drawBadge();
    this.stepper.setMax(this.limit);
    this.clocks.splice(0).forEach((clock) => clock.stop());
    const parts = [...this.holds.map((hold) => this.holdCard(hold))];
    if (this.isUnknown) parts.push(h("p", { class: "hint" }, t("own-away")));
    if (this.confirmed.length) parts.push(bookedCard(this.confirmed, Boolean(this.fresh)));
    if (this.closed) parts.push(h("p", { class: "closed" }, this.closed));
    else parts.push(...this.#offers());
    this.body.replaceChildren(...parts);
    this.chose();
  }

  /** What can be had: seats, a place in line, or both. Who has some already is not urged to more. */
  #offers() {
    const offers = [];
    const wanted = this.isAssigned ? this.#seatForm() : this.#quantityForm();
    if (!this.wasFull && (this.holds.length || this.confirmed.length)) {
      this.more = h("details", { class: "more-seats" }, h("summary", {}, t("more-seats")), wanted);
      offers.push(this.more);
    } else if (!this.wasFull) offers.push(wanted);
    const { max_seats_per_user, capacity } = this.event;
    const mayWait = this.availability.available < Math.min(max_seats_per_user, capacity);
    if (this.waitlist.entry || (this.wasFull && !this.holds.length)) offers.push(this.waitlist.node());
    else if (mayWait && !this.wasFull)
      offers.push(
        h("details", { class: "more-seats" }, h("summary", {}, t("need-more")), this.waitlist.node()),
      );
    return offers;
  }

  drawBadge() {
    const { available } = this.availability;
    const of =
      available > 0 && h("span", { class: "of" }, t("of-capacity", { count: count(this.event.capacity) }));
    this.badge.replaceChildren(seatsBadge(this.event, available), of || "");
  }

  /** The choice on the map, or the number, has changed. */
  chose() {
    const seats = this.map ? [...this.map.chosen] : [];
    if (this.isRestored) keepChoice(this.event.id, { seats: seats.map(placeOf) });
    const focused = [...this.list.querySelectorAll("button")].indexOf(document.activeElement);
    this.list.replaceChildren(
      ...seats
        .slice(0, SHOWN_SEATS)
        .map((seat) =>
          h(
            "li",
            {},
            placeName(placeOf(seat)),
            h(
              "button",
              {
                type: "button",
                class: "link",
                "aria-label": t("remove-seat", {
                  seat: t("row-seat", { row: seat.row.name, number: seat.number }),
                }),
                onclick: () => this.map.drop([seat]),
              },
              "×",
            ),
          ),
        ),
    );
    if (seats.length > SHOWN_SEATS)
      this.list.append(h("li", {}, t("and-more", { n: seats.length - SHOWN_SEATS })));
    if (seats.length && this.more) this.more.open = true;
    this.drawTotal();
    if (focused >= 0) ([...this.list.querySelectorAll("button")].slice(0, focused + 1).at(-1) ?? this.total).focus();
  }

  drawTotal() {
    const seats = this.map ? [...this.map.chosen] : [];
    const number = this.isAssigned ? seats.length : this.stepper.number;
    const sum = this.isAssigned
      ? seats.reduce((total, seat) => total + seat.row.price, 0)
      : number * this.event.price;
    this.book.disabled = this.hold.disabled = number === 0;
    if (!this.isAssigned) keepChoice(this.event.id, { quantity: number });
    this.#markReady();
    const text = number
      ? [t("n-seats", { n: number }), h("strong", {}, money(sum, this.event.currency, this.event.currency_digits))]
      : [t("none-chosen")];
    this.total.replaceChildren(...text);
  }

  say(text, ...more) {
    this.message.replaceChildren(...(text ? [alert(text)] : []), ...more);
    this.#markReady();
  }

  /** On phones the panel stays in sight while there is something to do in it. */
  #markReady() {
    const hasChosen = this.isAssigned ? this.map?.chosen.size > 0 : this.stepper.number > 0;
    this.node.classList.toggle("ready", hasChosen || this.message.childElementCount > 0);
  }

  #quantityForm() {
    return h(
      "div",
      { class: "choose" },
      h("div", { class: "how-many" }, h("span", {}, t("how-many")), this.stepper),
      this.total,
      this.book,
      this.hold,
    );
  }

  #seatForm() {
    return h("div", { class: "choose" }, this.list, this.total, this.book, this.hold);
  }

  button(word, className, isHold) {
    return actionButton(
      t(word),
      className,
      (pressed) => withSlowLine(pressed, () => this.buy(isHold)),
      (problem) => this.failed(problem),
    );
  }
}

const placeOf = ({ row, number }) => ({ section: row.section, row: row.name, number });
