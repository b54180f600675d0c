// Beside an event: choose how many or which seats, hold, book, or wait in line.
import { get, isSignedIn } from "./api.js";
import { pause } from "./dom.js";
import { AGE_MILLISECONDS } from "./event-seats.js";
import { t } from "./language.js";
import { holdCard } from "./panel-cards.js";
import { PanelView } from "./panel-view.js";
import { explain } from "./parts.js";
import { asItIs } from "./purchase.js";
import { isFree } from "./seating.js";
import { keepChoice, placesOf } from "./seats/choice.js";
import { goneCard, groupsInstead, removedText } from "./seats/gone.js";
import { groupName } from "./seats/names.js";

export class Panel extends PanelView {
  setMap(map) {
    Object.assign(this, { map, isRestored: false });
    this.#markOwn();
    this.#count();
    this.draw();
  }

  /** What was chosen before, as far as it is still free; the rest is told. */
  async restore({ seats: places = [], hold = null }) {
    const [known, held] = [places, hold?.seats ?? []].map((some) =>
      this.map.find(some).filter((seat) => !this.map.mine.has(seat)),
    );
    this.isRestored = true;
    const removed = removedText(this.map, places);
    this.say(removed);
    // A hold that is neither here nor booked has ended while nobody looked.
    const ended = known.length ? [] : held;
    const seats = ended.length ? ended : known;
    if (!seats.length) return;
    this.#takeAgain(seats);
    if (ended.length) this.#tellEnded(seats);
    else if (seats.some((seat) => !isFree(seat)))
      this.#tellGone(seats.filter((seat) => !isFree(seat)), seats, null, `${t("problem.seats-unavailable")} ${removed}`);
  }

  /** Chooses those of the seats that are free. */
  #takeAgain(seats) {
    this.map.choose(seats.filter(isFree).slice(0, this.event.max_seats_per_user));
  }

  /** Asks which seats are left, or how many where they have no numbers. */
  async refresh() {
    if (this.map) await this.#refreshMap();
    else {
      this.availability = await get(`/events/${this.event.id}/availability`, { signal: this.signal });
      await this.#findLost();
    }
    this.#drawLeft();
  }

  #drawLeft() {
    const isFull = this.availability.available <= 0;
    if (isFull !== this.wasFull) this.draw();
    else {
      this.drawBadge();
      this.stepper.setMax(this.limit);
    }
  }

  async #refreshMap() {
    const { map } = this;
    const { states, version } = await get(`/events/${this.event.id}/seats/states`, { signal: this.signal });
    // Seats that are being booked are not gone, nor those that were.
    if (this.isBuying || map !== this.map || (await this.#findLost())) return;
    const before = [...map.chosen];
    // Letters of another plan are not for these seats, nor would what they say be gone.
    const gone = version === map.version && map.update(states);
    if (gone === false) return this.renew();
    this.#count();
    if (gone.length) this.#tellGone(gone, before);
  }

  #count() {
    this.availability = { ...this.availability, available: this.map.available };
  }

  /** Whether an attempt has booked although its answer got lost. It is shown then. Raises Problem. */
  async #findLost() {
    if (!this.purchase.isOpen) return false;
    const { items } = await get(`/bookings?event_id=${this.event.id}&limit=50`, { signal: this.signal });
    const known = new Set([...this.holds, ...this.confirmed].map(({ id }) => id));
    const found = items.filter(({ id, status }) => (status === "held" || status === "confirmed") && !known.has(id));
    if (!found.length || !this.purchase.isOpen) return false;
    this.purchase.close();
    const hadFocus = this.node.contains(document.activeElement);
    for (const booking of found) this.#has(booking);
    this.say("");
    this.#settle(found[0], hadFocus);
    return true;
  }

  #has(booking) {
    if (booking.status === "held") this.#held(booking);
    else this.#booked(booking);
  }

  async #refreshSoon() {
    await pause(AGE_MILLISECONDS, this.signal);
    if (!this.signal.aborted) await this.refresh().catch(() => null);
  }

  async buy(isHold) {
    if (!isSignedIn()) return this.signIn();
    // One attempt at a time, whichever button asks: their answers would be taken for one another's.
    if (this.isBuying) return;
    this.isBuying = true;
    try {
      const wanted = { event_id: this.event.id, hold: isHold };
      if (!this.isAssigned) wanted.quantity = this.stepper.number;
      else {
        wanted.seat_ids = await this.#chosenIds();
        if (!wanted.seat_ids.length) return;
      }
      await this.#take(wanted);
    } finally {
      this.isBuying = false;
    }
  }

  /** Of what is chosen when they are there. Empty where the hall has changed: it is shown before anybody books. */
  async #chosenIds() {
    const { map } = this;
    const isSame = await map.ids.read();
    if (isSame && map === this.map) return [...map.chosen].map(({ id }) => id);
    this.say("");
    await this.renew(t("problem.event-changed"));
    return [];
  }

  async #take(wanted) {
    // Something else than what was asked for before: what came of that is to be known first.
    if (!this.purchase.isOpenFor(wanted) && (await this.#findLost())) return;
    this.say("");
    this.isBuying = true;
    try {
      const booking = await this.purchase.book(wanted, this.version, this.signal);
      this.#has(booking);
      this.#settle(booking);
    } catch (problem) {
      if (!["event-changed", "sales-closed"].includes(problem.code)) throw problem;
      await this.renew(explain(problem));
    } finally {
      this.isBuying = false;
    }
  }

  /** What is shown now is not what was chosen by: `why` it is shown. */
  tellChanged(why, hadFocus) {
    const [said, ...more] = this.message.children;
    this.say([why, said?.textContent].filter(Boolean).join(" "), ...more);
    this.#focusAfter(hadFocus);
  }

  #held(booking) {
    if (!this.holds.some(({ id }) => id === booking.id)) this.holds.push(booking);
    keepChoice(this.event.id, { hold: { id: booking.id, seats: placesOf(booking) } });
  }

  #booked(booking) {
    this.holds = this.holds.filter(({ id }) => id !== booking.id);
    if (!this.confirmed.some(({ id }) => id === booking.id)) this.confirmed.unshift(booking);
    this.fresh = booking.id;
  }

  /** Shows the seats of a booking as ours, then asks which are left. */
  #settle(booking, takesFocus = true) {
    if (booking.status === "confirmed") keepChoice(this.event.id, { hold: null });
    if (this.map) {
      this.map.take(this.map.find(booking.seats));
      this.#markOwn();
      this.#count();
    }
    this.draw();
    if (takesFocus) this.body.querySelector(".focus")?.focus();
    if (!this.map) this.refresh().catch(() => null);
    else this.#refreshSoon();
  }

  #markOwn() {
    this.map?.own(this.map.find([...this.holds, ...this.confirmed].flatMap(({ seats }) => seats)));
  }

  failed(problem) {
    if (problem.status === 401) return this.signIn();
    const before = this.map ? [...this.map.chosen] : [];
    if (problem.code === "seats-unavailable" && this.map) {
      const gone = this.map.take(this.map.ids.find(problem.seat_ids ?? []));
      this.#tellGone(gone, before, problem);
      this.message.querySelector("button")?.focus({ preventScroll: true });
    } else this.say(explain(problem));
    this.message.scrollIntoView({ block: "nearest" });
    if (problem.status === 409) this.#refreshSoon();
  }

  /** `gone` of the seats that were wanted have somebody else now. Others come from the server or from the map. */
  #tellGone(gone, wanted, problem = null, text = t("problem.seats-unavailable")) {
    const { map } = this;
    const size = wanted.length;
    const kind = wanted.every((seat) => seat.kind === "accessible") ? "accessible" : "standard";
    const groups = groupsInstead(map, wanted, kind, problem);
    const hold = map.available >= size && kind === "standard" ? () => this.#holdBest(size) : null;
    this.say(text, goneCard({ map, gone, groups, size, choose: (seats) => this.#choose(seats), hold }));
  }

  /** The services choose when the request arrives: nobody is faster than that. */
  async #holdBest(quantity) {
    if (!isSignedIn()) return this.signIn();
    if (this.isBuying) return;
    this.map.choose([]);
    const wanted = { event_id: this.event.id, quantity, hold: true };
    await this.#take(wanted).catch((problem) => this.failed(problem));
  }

  #choose(seats) {
    if (!seats.every(isFree)) return this.say(t("seat-taken"));
    this.map.choose(seats);
    this.map.reveal(seats[0]);
    this.say("");
    this.book.focus({ preventScroll: true });
  }

  holdCard(hold) {
    const card = holdCard(hold, this.signal, this.isAssigned, {
      seen: this.event.version,
      changed: () => this.renew(t("problem.event-changed")),
      confirmed: (booking) => {
        this.#booked(booking);
        return this.#settle(booking);
      },
      released: () => this.#dropHold(hold),
      ended: () => this.#ended(hold),
      failed: (problem) => this.failed(problem),
    });
    this.clocks.push(card.clock);
    return card.node;
  }

  /** What was held is chosen again where nobody else has it yet. */
  async #ended(hold) {
    const hadFocus = this.node.contains(document.activeElement);
    if (hold.isEnding) return;
    hold.isEnding = true;
    const now = await asItIs(hold.id, this.signal, (problem) => this.say(explain(problem)));
    if (this.signal.aborted || !this.holds.includes(hold)) return;
    if (now?.status === "confirmed") {
      this.#booked(now);
      this.say("");
      return this.#settle(now, hadFocus);
    }
    this.#forget(hold);
    await this.#refreshSoon();
    if (this.signal.aborted) return;
    this.draw();
    if (this.map) {
      const seats = this.map.find(hold.seats);
      this.#takeAgain(seats);
      this.#tellEnded(seats);
    } else this.say(t("hold-ended", { n: hold.seats.length }));
    this.#focusAfter(hadFocus);
  }

  #tellEnded(seats) {
    keepChoice(this.event.id, { hold: null });
    const gone = seats.filter((seat) => !isFree(seat));
    const what = t("hold-ended-seats", { seats: groupName(seats) });
    if (gone.length) this.#tellGone(gone, seats, null, what);
    else this.say(`${what} ${t("hold-chosen-again", { n: seats.length })}`);
  }

  /** Not away from somebody who is elsewhere on the page. */
  #focusAfter(hadFocus) {
    if (!hadFocus && document.activeElement !== document.body) return;
    const form = this.book.disabled ? this.total : this.book;
    const next = this.message.querySelector("button") ?? (form.checkVisibility() ? form : this.body.querySelector(".focus"));
    (next ?? this.message).focus({ preventScroll: true });
  }

  #forget(hold) {
    this.holds = this.holds.filter(({ id }) => id !== hold.id);
    if (!this.map) return;
    this.#markOwn();
    this.map.take(this.map.find(hold.seats), "free");
    this.#count();
  }

  /** Given back by the person. */
  #dropHold(hold) {
    keepChoice(this.event.id, { hold: null });
    this.#forget(hold);
    this.draw();
    this.#focusAfter(true);
    this.#refreshSoon();
  }
}
