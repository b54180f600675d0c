// The plan that one sees and moves: a scroller over a canvas of the whole hall and, once it is near enough to choose by
// thumb, over buttons. The window of it that is drawn follows the scrolling.
import { h } from "../dom.js";
import { t } from "../language.js";
import { Cells } from "./cells.js";
import { onTheme, readColours } from "./colours.js";
import { addGestures } from "./gestures.js";
import { Layout } from "./layout.js";
import { Minimap } from "./minimap.js";
import { Overview } from "./overview.js";

/** From here on a seat is large enough for a thumb. */
const CHOOSE_PIXELS = 32;
const COMFORTABLE_PIXELS = 38;
const MOST_PIXELS = 72;
const STEP = 1.6;
const ALMOST = 0.85;
const LOW_SHARE = 0.58;
const HIGH_SHARE = 0.72;
const MOVE_MILLISECONDS = 180;

const isCalm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Plan {
  /** `map` is the SeatMap; `headings` its sections' headings, in order. */
  constructor(map, headings, signal) {
    Object.assign(this, { map, headings, scale: 0, origin: 0 });
    this.layout = new Layout(map.rows);
    this.overview = new Overview(map, this.layout);
    this.cells = new Cells(map, this.layout);
    this.minimap = new Minimap(map, this.layout, (x, y) => this.#lookAt(x, y));
    this.content = h(
      "div",
      { class: "plan-content" },
      h("div", { class: "hall-front", "aria-hidden": "true" }, h("span", {}, t("stage"))),
      this.overview.node,
      headings,
      this.cells.node,
    );
    this.scroller = h("div", { class: "plan" }, this.content);
    this.hint = h("p", { class: "plan-hint", "aria-hidden": "true" });
    this.node = h("div", { class: "hall" }, this.#tools(), this.scroller);
    this.scroller.addEventListener("scroll", () => this.draw(), { passive: true });
    this.scroller.addEventListener("click", (event) => this.#comeCloser(event));
    addGestures(this, () => this.#hintWheel());
    const observer = new ResizeObserver(() => this.#measure());
    observer.observe(this.scroller);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
    onTheme(() => this.#readColours(), signal);
  }

  get isClose() {
    return this.scale >= CHOOSE_PIXELS;
  }

  #tools() {
    const button = (word, sign, onclick) =>
      h("button", { type: "button", class: "quiet small", "aria-label": t(word), title: t(word), onclick }, sign);
    this.closer = button("zoom-in", "+", () => this.step(1));
    this.farther = button("zoom-out", "−", () => this.step(-1));
    this.all = h("button", { type: "button", class: "quiet small", onclick: () => this.showAll() }, t("whole-hall"));
    const buttons = h("div", { class: "zoom", role: "group", "aria-label": t("zoom") }, this.farther, this.closer, this.all);
    return h("div", { class: "plan-tools" }, buttons, this.hint, this.minimap.node);
  }

  #readColours() {
    const colours = readColours(this.node);
    this.overview.expire(colours);
    this.minimap.expire(colours);
    this.draw();
  }

  /** The width has changed, or is known for the first time. */
  #measure() {
    const width = this.scroller.clientWidth;
    if (!width || width === this.width) return;
    const isFirst = !this.width;
    const wasWhole = this.scale <= this.least;
    this.width = width;
    this.least = Math.min(this.layout.fit(width), COMFORTABLE_PIXELS);
    this.most = Math.max(MOST_PIXELS, this.least);
    const whole = this.layout.height(this.least);
    const close = this.layout.height(Math.max(this.least, COMFORTABLE_PIXELS));
    const low = Math.min(close, innerHeight * LOW_SHARE);
    this.scroller.style.height = `${Math.ceil(Math.min(Math.max(whole, low), Math.max(low, innerHeight * HIGH_SHARE)))}px`;
    this.#setScale(isFirst || wasWhole ? this.least : this.scale);
    if (isFirst) {
      this.#readColours();
      // In this frame, not in the next one.
      this.#drawNow();
    }
    if (this.pending) this.reveal(this.pending);
  }

  #setScale(scale) {
    this.scale = Math.min(Math.max(scale, this.least), this.most);
    const width = this.layout.width(this.scale);
    this.origin = Math.max(0, (this.width - width) / 2);
    const { style } = this.content;
    style.setProperty("--seat", `${this.scale}px`);
    style.setProperty("--view", `${this.width}px`);
    style.setProperty("--origin", `${this.origin}px`);
    style.setProperty("--gutter", `${this.layout.gutter(this.scale)}px`);
    style.width = `${width + 2 * this.origin}px`;
    style.height = `${this.layout.height(this.scale)}px`;
    this.layout.headings.forEach(({ row, fixed }, index) => {
      this.headings[index].style.top = `${fixed + row.index * this.scale}px`;
    });
    this.node.classList.toggle("far", !this.isClose);
    this.hint.textContent = this.isClose ? "" : t("tap-to-come-closer");
    const [isWhole, isNearest] = [this.scale <= this.least, this.scale >= this.most];
    this.farther.disabled = this.all.disabled = isWhole;
    this.closer.disabled = isNearest;
    this.minimap.node.classList.toggle("idle", isWhole);
    this.draw();
  }

  /** Draws what is in the window, at the next frame. */
  draw() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.#drawNow();
    });
  }

  #drawNow() {
    if (!this.width || !this.overview.colours) return;
    const { scroller, scale, layout, origin } = this;
    const { scrollLeft, scrollTop, clientWidth: width, clientHeight: height } = scroller;
    this.cells.show(this.isClose ? { left: scrollLeft - origin, top: scrollTop, width, height } : null, scale);
    if (!this.isClose) this.overview.draw({ left: scrollLeft, top: scrollTop, width, height }, scale, origin);
    const columns = (x) => (x - origin - layout.gutter(scale)) / scale;
    const [first, end] = layout.rowsBetween(scrollTop, scrollTop + height, scale);
    this.minimap.look([columns(scrollLeft), columns(scrollLeft + width)], [first, end]);
  }

  /** These seats have another state now. */
  paint(seats) {
    seats.forEach((seat) => this.cells.paint(seat));
    this.overview.expire();
    this.minimap.expire();
    this.draw();
  }

  /** Zooms so that what is at a point of the window stays there. */
  zoomAt(scale, clientX, clientY) {
    const box = this.scroller.getBoundingClientRect();
    const [x, y] = [clientX - box.left, clientY - box.top];
    const before = this.scale;
    const at = [this.scroller.scrollLeft + x - this.origin, this.scroller.scrollTop + y];
    this.#setScale(scale);
    const [left, top] = this.layout.moved(...at, before, this.scale);
    this.scroller.scrollTo({ left: left + this.origin - x, top: top - y, behavior: "instant" });
  }

  /** One step nearer (1) or farther (-1), around the middle. Between far and near enough there is no step. */
  step(direction) {
    const scale = this.scale * STEP ** direction;
    const isNear = direction > 0 && scale < CHOOSE_PIXELS && scale * STEP > CHOOSE_PIXELS * ALMOST;
    const box = this.scroller.getBoundingClientRect();
    this.#animated(() =>
      this.zoomAt(isNear ? COMFORTABLE_PIXELS : scale, box.left + box.width / 2, box.top + box.height / 2),
    );
  }

  showAll() {
    this.#animated(() => this.#setScale(this.least));
  }

  #animated(change) {
    const before = this.scale;
    change();
    if (isCalm() || before === this.scale) return;
    const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.scroller;
    this.content.style.transformOrigin = `${scrollLeft + clientWidth / 2}px ${scrollTop + clientHeight / 2}px`;
    const from = Math.min(Math.max(before / this.scale, 0.3), 3);
    this.content.animate([{ scale: from, opacity: 0.4 }, { scale: 1, opacity: 1 }], {
      duration: MOVE_MILLISECONDS,
      easing: "ease-out",
    });
  }

  /** A tap on the hall from afar leads to that place of it. */
  #comeCloser({ clientX, clientY }) {
    if (this.isClose) return;
    const box = this.scroller.getBoundingClientRect();
    const x = this.scroller.scrollLeft + clientX - box.left - this.origin;
    const seat = this.layout.seatAt(x, this.scroller.scrollTop + clientY - box.top, this.scale);
    this.focus(seat);
  }

  /** Brings a seat to the middle, near enough to be chosen. */
  reveal(seat) {
    this.pending = this.width ? null : seat;
    if (this.pending) return;
    this.#animated(() => {
      if (!this.isClose) this.#setScale(COMFORTABLE_PIXELS);
      this.#center(seat.row.shift + seat.position + 0.5, seat.row);
    });
    this.cells.setCurrent(seat);
    this.#drawNow();
  }

  #center(column, row) {
    const { layout, scale, origin, scroller } = this;
    scroller.scrollTo({
      left: layout.gutter(scale) + origin + column * scale - scroller.clientWidth / 2,
      top: layout.top(row, scale) + scale / 2 - scroller.clientHeight / 2,
      behavior: "instant",
    });
  }

  #lookAt(x, y) {
    const { rows, columns } = this.layout;
    const row = rows[Math.min(Math.max(Math.floor(y * rows.length), 0), rows.length - 1)];
    this.#center(x * columns, row);
  }

  /** Gives a seat the focus, wherever it is; also in a plan that has just come into the page. */
  focus(seat) {
    this.#measure();
    if (!this.isClose) this.reveal(seat);
    this.cells.setCurrent(seat);
    this.#scrollTo(seat);
    this.#drawNow();
    seat.node.focus({ preventScroll: true });
    this.#scrollPage(seat.node);
  }

  /** No farther than needed, with a neighbour in sight. */
  #scrollTo(seat) {
    const { layout, scale, origin, scroller } = this;
    const left = layout.left(seat, scale) + origin;
    const top = layout.top(seat.row, scale);
    const nearest = (position, from, size) =>
      Math.min(Math.max(from, position + 2 * scale - size), position - scale - layout.gutter(scale));
    scroller.scrollTo({
      left: nearest(left, scroller.scrollLeft, scroller.clientWidth),
      top: nearest(top, scroller.scrollTop, scroller.clientHeight),
      behavior: "instant",
    });
  }

  /** The page's header and, on phones, the panel lie over the page: not over the focus. */
  #scrollPage(node) {
    const box = node.getBoundingClientRect();
    const top = document.getElementById("top")?.getBoundingClientRect().bottom ?? 0;
    const panel = document.querySelector(".panel.ready")?.getBoundingClientRect();
    const isOver = panel && panel.left < box.right && panel.right > box.left && panel.bottom > box.top;
    const bottom = isOver ? Math.max(panel.top, top + box.height) : innerHeight;
    if (box.top < top) scrollBy(0, box.top - top - box.height);
    else if (box.bottom > bottom) scrollBy(0, box.bottom - bottom + box.height);
  }

  #hintWheel() {
    this.hint.textContent = t("wheel-hint");
  }
}
