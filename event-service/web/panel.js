// Beside an event: choose how many or which seats, hold, book, or wait in line.
import { get, isSignedIn, serverNow } from "./api.js";
import { h } from "./dom.js";
import { count, deadline, money } from "./format.js";
import { t } from "./language.js";
import { bookedCard, holdCard, insteadCard, SHOWN_SEATS } from "./panel-cards.js";
import { actionButton, alert, availability as seatsBadge, explain, placeName, stepper } from "./parts.js";
import { Purchase } from "./purchase.js";
import { isFree } from "./seating.js";
import { Waitlist } from "./waitlist.js";

const MAP_KEPT_MILLISECONDS = 60_000;

export class Panel {
  constructor({ event, availability, mine, signal, signIn, quantity }) {
    Object.assign(this, { event, availability, signal, signIn });
    this.purchase = new Purchase();
    this.holds = mine.bookings.filter(({ status }) => status === "held");
    this.confirmed = mine.bookings.filter(({ status }) => status === "confirmed");
    this.waitlist = new Waitlist(this, mine.waiting);
    this.map = null;
    this.clocks = [];
    this.message = h("div", {});
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
    this.total = h("p", { class: "total", "aria-live": "polite" });
    this.list = h("ul", { class: "chosen-seats" });
    this.book = this.#button("book-now", "primary wide-button", false);
    this.hold = this.#button("hold", "quiet wide-button", true);
    this.draw();
  }

  get limit() {
    const left = Math.max(1, this.availability.available);
    return Math.min(this.event.max_seats_per_user, left);
  }

  get isAssigned() {
    return this.event.seating === "assigned";
  }

  setMap(map) {
    this.map = map;
    this.mapAt = Date.now();
    this.#markOwn();
    this.draw();
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

  /** Asks how many seats are left, and for the map when that has changed, or when it is old. */
  async refresh() {
    const before = JSON.stringify(this.availability);
    this.availability = await get(`/events/${this.event.id}/availability`, { signal: this.signal });
    const isOld = Date.now() - this.mapAt > MAP_KEPT_MILLISECONDS;
    if (this.map && (isOld || JSON.stringify(this.availability) !== before)) await this.#refreshMap();
    const isFull = this.availability.available <= 0;
    if (isFull !== this.wasFull) this.draw();
    else {
      this.drawBadge();
      this.stepper.setMax(this.limit);
    }
  }

  async #refreshMap() {
    const { sections } = await get(`/events/${this.event.id}/seats`, { signal: this.signal });
    this.mapAt = Date.now();
    const gone = this.map.update(sections);
    if (gone.length) this.say(t("seats-gone", { n: gone.length }));
  }

  draw() {
    this.wasFull = this.availability.available <= 0;
    this.drawBadge();
    this.stepper.setMax(this.limit);
    this.clocks.splice(0).forEach((clock) => clock.stop());
    const parts = [...this.holds.map((hold) => this.#holdCard(hold))];
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
    const seats = this.map ? [...this.map.chosen.values()] : [];
    this.list.replaceChildren(
      ...seats
        .slice(0, SHOWN_SEATS)
        .map((seat) =>
          h(
            "li",
            {},
            placeName({ section: seat.row.section, row: seat.row.name, number: seat.number }),
            h(
              "button",
              {
                type: "button",
                class: "link",
                "aria-label": t("remove-seat", {
                  seat: t("row-seat", { row: seat.row.name, number: seat.number }),
                }),
                onclick: () => this.map.drop([seat.id]),
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
  }

  drawTotal() {
    const seats = this.map ? [...this.map.chosen.values()] : [];
    const number = this.isAssigned ? seats.length : this.stepper.number;
    const sum = this.isAssigned
      ? seats.reduce((total, seat) => total + seat.row.price, 0)
      : number * this.event.price;
    this.book.disabled = this.hold.disabled = number === 0;
    this.node.classList.toggle("ready", number > 0);
    const text = number
      ? [t("n-seats", { n: number }), h("strong", {}, money(sum, this.event.currency, this.event.currency_digits))]
      : [t("none-chosen")];
    this.total.replaceChildren(...text);
  }

  say(text) {
    this.message.replaceChildren(alert(text));
  }

  #button(word, className, isHold) {
    return actionButton(
      t(word),
      className,
      () => this.#buy(isHold),
      (problem) => this.#failed(problem),
    );
  }

  #wanted(isHold) {
    const wanted = this.isAssigned
      ? { seat_ids: [...this.map.chosen.keys()] }
      : { quantity: this.stepper.number };
    return { event_id: this.event.id, ...wanted, hold: isHold };
  }

  async #buy(isHold) {
    this.message.replaceChildren();
    const wanted = this.#wanted(isHold);
    if (!isSignedIn()) return this.signIn({ seats: wanted.seat_ids ?? [], quantity: wanted.quantity ?? 1 });
    const booking = await this.purchase.book(wanted, this.signal);
    if (isHold) this.#held(booking);
    else this.#booked(booking);
    await this.#settle(booking);
  }

  #held(booking) {
    if (!this.holds.some(({ id }) => id === booking.id)) this.holds.push(booking);
  }

  #booked(booking) {
    this.holds = this.holds.filter(({ id }) => id !== booking.id);
    if (!this.confirmed.some(({ id }) => id === booking.id)) this.confirmed.unshift(booking);
    this.fresh = booking.id;
  }

  /** Shows the seats of a booking as ours, then asks how many are left. */
  async #settle(booking) {
    if (this.map) {
      this.map.take(booking.seats.map(({ id }) => id));
      this.#markOwn();
    }
    this.draw();
    this.body.querySelector(".focus")?.focus();
    await this.refresh().catch(() => null);
  }

  #markOwn() {
    this.map?.own([...this.holds, ...this.confirmed].flatMap(({ seats }) => seats.map(({ id }) => id)));
  }

  #failed(problem) {
    if (problem.status === 401)
      return this.signIn({
        seats: this.map ? [...this.map.chosen.keys()] : [],
        quantity: this.stepper.number,
      });
    if (problem.code === "seats-unavailable" && this.map) this.map.take(problem.seat_ids ?? []);
    this.say(explain(problem));
    if (this.map && problem.alternatives?.length)
      this.message.append(insteadCard(problem.alternatives, this.map, (seats) => this.#choose(seats)));
    this.message.scrollIntoView({ block: "nearest" });
    if (problem.status === 409) this.refresh().catch(() => null);
  }

  #choose(seats) {
    if (!seats.every(isFree)) return this.say(t("seat-taken"));
    this.map.choose(seats);
    this.map.reveal(seats[0]);
    this.message.replaceChildren();
    this.book.focus({ preventScroll: true });
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

  #holdCard(hold) {
    const card = holdCard(hold, this.signal, this.isAssigned, {
      confirmed: (booking) => {
        this.#booked(booking);
        return this.#settle(booking);
      },
      released: () => this.#dropHold(hold),
      ended: () => this.#ended(hold),
      failed: (problem) => this.#failed(problem),
    });
    this.clocks.push(card.clock);
    return card.node;
  }

  async #ended(hold) {
    await this.#dropHold(hold);
    this.say(t("problem.hold-expired"));
  }

  async #dropHold(hold) {
    this.holds = this.holds.filter(({ id }) => id !== hold.id);
    this.map?.take(
      hold.seats.map(({ id }) => id),
      "free",
    );
    this.#markOwn();
    this.draw();
    await this.refresh().catch(() => null);
  }
}
