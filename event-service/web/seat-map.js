// The seat map: every seat a cell of a grid that arrow keys walk through. Of a large hall only what
// is near the window is in the document.
import { h, written } from "./dom.js";
import { count, money } from "./format.js";
import { t } from "./language.js";
import { areTogether, isFree, neighbour, pick, rowsOf, tiers } from "./seating.js";

const BLOCK_SEATS = 50;
const ALL_AT_ONCE_SEATS = 1500;
const NEARBY = "300px 300px";
const TIER_COLOURS = 4;
const ARROWS = ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Home", "End"];

export class SeatMap {
  /** `changed` hears of each choice, `refused` of a seat that cannot be chosen. */
  constructor({ sections, event, changed, refused, signal }) {
    Object.assign(this, { sections, event, changed, refused, limit: event.max_seats_per_user });
    this.rows = rowsOf(sections);
    this.byId = new Map(this.rows.flatMap((row) => row.seats).map((seat) => [seat.id, seat]));
    this.chosen = new Map();
    this.mine = new Set();
    this.current = this.rows[0]?.seats[0];
    this.counters = [];
    this.isLazy = this.byId.size > ALL_AT_ONCE_SEATS;
    if (this.isLazy) {
      this.observer = new IntersectionObserver((entries) => entries.forEach(this.#show), {
        rootMargin: NEARBY,
        scrollMargin: NEARBY,
      });
      signal.addEventListener("abort", () => this.observer.disconnect(), { once: true });
    }
    this.node = this.#draw();
    this.#count();
  }

  money(price) {
    return money(price, this.event.currency, this.event.currency_digits);
  }

  /** New states from the server; what was chosen and is gone meanwhile is returned. */
  update(sections) {
    for (const row of sections.flatMap((section) => section.rows)) {
      for (const { id, state } of row.seats) {
        const seat = this.byId.get(id);
        if (seat && seat.state !== state) {
          seat.state = state;
          this.#paint(seat);
        }
      }
    }
    this.#count();
    return this.drop([...this.chosen.values()].filter((seat) => !isFree(seat)).map(({ id }) => id));
  }

  /** Somebody else was faster. */
  take(ids, state = "booked") {
    for (const id of ids) {
      const seat = this.byId.get(id);
      if (seat) {
        seat.state = state;
        this.#paint(seat);
      }
    }
    return this.drop(ids);
  }

  /** Shows seats as one's own. */
  own(ids) {
    const before = [...this.mine];
    this.mine = new Set(ids);
    [...before, ...ids].forEach((id) => this.byId.has(id) && this.#paint(this.byId.get(id)));
  }

  drop(ids) {
    const gone = ids.map((id) => this.chosen.get(id)).filter(Boolean);
    for (const seat of gone) {
      this.chosen.delete(seat.id);
      this.#paint(seat);
    }
    if (gone.length) this.changed();
    return gone;
  }

  choose(seats) {
    this.drop([...this.chosen.keys()]);
    for (const seat of seats) {
      this.chosen.set(seat.id, seat);
      this.#paint(seat);
    }
    this.changed();
  }

  /** Takes the best seats of a section: "together", "apart", or null where there are too few. */
  pick(sectionIndex, number) {
    const seats = pick(this.rows, sectionIndex, number);
    if (!seats) return null;
    this.choose(seats);
    this.reveal(seats[0]);
    return areTogether(seats) ? "together" : "apart";
  }

  /** A hall wider than the window is shown from its middle. */
  center() {
    for (const scroller of this.node.querySelectorAll(".scroller")) {
      const beyond = scroller.scrollWidth - scroller.clientWidth;
      scroller.classList.toggle("beyond", beyond > 0);
      scroller.scrollLeft = beyond / 2;
    }
  }

  reveal(seat) {
    seat.row.node.scrollIntoView({ block: "center", behavior: "smooth" });
    const scroller = seat.row.node.closest(".scroller");
    const share = (seat.position + 0.5) / seat.row.width;
    scroller.scrollTo({
      left: seat.row.node.scrollWidth * share - scroller.clientWidth / 2,
      behavior: "smooth",
    });
  }

  #toggle(seat) {
    if (this.mine.has(seat.id)) return this.refused(t("seat-mine"));
    if (seat.state === "blocked") return this.refused(t("seat-blocked"));
    if (!isFree(seat)) return this.refused(t("seat-taken"));
    if (this.chosen.has(seat.id)) this.chosen.delete(seat.id);
    else if (this.chosen.size >= this.limit) return this.refused(t("seat-limit", { n: this.limit }));
    else this.chosen.set(seat.id, seat);
    this.#paint(seat);
    this.changed();
  }

  #draw() {
    const tierOf = tiers(this.sections);
    const parts = this.sections.map((section, index) => this.#drawSection(section, index, tierOf[index]));
    const node = h(
      "div",
      { class: "hall" },
      h("div", { class: "stage", "aria-hidden": "true" }, t("stage")),
      parts,
    );
    node.addEventListener("click", (event) => {
      const seat = this.#seatOf(event.target);
      if (seat) {
        this.#focus(seat);
        this.#toggle(seat);
      }
    });
    node.addEventListener("keydown", (event) => this.#walk(event));
    return node;
  }

  #drawSection(section, index, tier) {
    const counter = h("span", { class: "left" });
    this.counters.push(counter);
    const rows = this.rows.filter((row) => row.sectionIndex === index);
    const element = h(
      "section",
      { class: `section tier-${Math.min(tier, TIER_COLOURS - 1)}`, id: `section-${index}` },
      h(
        "h3",
        {},
        h("span", { class: "swatch", "aria-hidden": "true" }),
        written(section.name),
        " ",
        h("span", { class: "price" }, this.money(section.price)),
        counter,
      ),
      h(
        "div",
        { class: "scroller", role: "grid", "aria-label": section.name, "aria-multiselectable": "true" },
        rows.map((row) => this.#drawRow(row)),
      ),
    );
    element.style.setProperty(
      "--widest",
      rows.reduce((most, row) => Math.max(most, row.width), 1),
    );
    return element;
  }

  #drawRow(row) {
    const blocks = [];
    for (let start = 0; start < row.seats.length; start += BLOCK_SEATS) {
      const seats = row.seats.slice(start, start + BLOCK_SEATS);
      const block = h("div", { class: "block", role: "presentation" });
      block.style.setProperty(
        "--seats",
        seats.reduce((width, seat) => width + 1 + seat.gap, 0),
      );
      block.seats = seats;
      seats.forEach((seat) => {
        seat.block = block;
      });
      if (this.isLazy) this.observer.observe(block);
      else this.#fill(block);
      blocks.push(block);
    }
    row.node = h(
      "div",
      { class: "row", role: "row" },
      h("span", { class: "row-name", role: "rowheader", dir: "auto" }, row.name),
      blocks,
    );
    return row.node;
  }

  #show = ({ target, isIntersecting }) => {
    if (isIntersecting) this.#fill(target);
    else if (!target.contains(document.activeElement)) {
      target.seats.forEach((seat) => {
        seat.node = null;
      });
      target.replaceChildren();
    }
  };

  #fill(block) {
    if (block.firstChild) return;
    block.append(
      ...block.seats.map((seat) => {
        seat.node = h(
          "button",
          {
            type: "button",
            role: "gridcell",
            data: { id: seat.id },
            tabindex: seat === this.current ? 0 : -1,
          },
          seat.number,
        );
        if (seat.gap) seat.node.style.marginInlineStart = `calc(${seat.gap} * var(--seat))`;
        this.#paint(seat);
        return seat.node;
      }),
    );
  }

  #stateOf(seat) {
    if (this.chosen.has(seat.id)) return "chosen";
    if (this.mine.has(seat.id)) return "mine";
    if (isFree(seat)) return "free";
    return seat.state === "blocked" ? "blocked" : "taken";
  }

  #paint(seat) {
    if (!seat.node) return;
    const state = this.#stateOf(seat);
    const isAccessible = seat.kind === "accessible";
    seat.node.className = `seat ${state}${isAccessible ? " accessible" : ""}`;
    seat.node.setAttribute("aria-selected", state === "chosen");
    seat.node.setAttribute("aria-disabled", state !== "chosen" && state !== "free");
    seat.node.setAttribute(
      "aria-label",
      t(isAccessible ? "accessible-seat-label" : "seat-label", {
        row: seat.row.name,
        number: seat.number,
        state: t(`seat.${state}`),
        price: this.money(seat.row.price),
      }),
    );
  }

  #count() {
    const free = this.sections.map(() => 0);
    for (const seat of this.byId.values()) if (isFree(seat)) free[seat.row.sectionIndex] += 1;
    this.free = free;
    this.counters.forEach((counter, index) => {
      counter.textContent = free[index]
        ? t("free-seats", { n: free[index], count: count(free[index]) })
        : t("sold-out");
    });
  }

  #seatOf(target) {
    const node = target.closest?.(".seat");
    return node && this.byId.get(node.dataset.id);
  }

  #focus(seat) {
    if (this.current?.node) this.current.node.tabIndex = -1;
    this.current = seat;
    this.#fill(seat.block);
    seat.node.tabIndex = 0;
    seat.node.focus({ preventScroll: true });
  }

  #walk(event) {
    const seat = this.#seatOf(event.target);
    if (!seat || !ARROWS.includes(event.key)) return;
    event.preventDefault();
    this.#focus(neighbour(this.rows, seat, event.key));
    this.current.node.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}
