// The whole hall in a corner of the toolbar, with a frame around what is seen. For hands that point: everybody else has
// arrow keys and the groups.
import { h } from "../dom.js";
import { colourOf } from "./overview.js";

const WIDTH_PIXELS = 92;
const HEIGHT_PIXELS = 60;
const RATIO = 2;
const REDRAW_MILLISECONDS = 300;

export class Minimap {
  /** `lookAt(x, y)` gets fractions of the hall's columns and rows. */
  constructor(map, layout, lookAt) {
    Object.assign(this, { map, layout, timer: null });
    const rows = layout.rows.length;
    this.unit = Math.min(WIDTH_PIXELS / layout.columns, HEIGHT_PIXELS / rows);
    this.width = Math.max(4, layout.columns * this.unit);
    this.height = Math.max(4, rows * this.unit);
    this.canvas = h("canvas", { width: this.width * RATIO, height: this.height * RATIO });
    this.frame = h("div", { class: "frame" });
    this.node = h("div", { class: "minimap", "aria-hidden": "true" }, this.canvas, this.frame);
    Object.assign(this.node.style, { width: `${this.width}px`, height: `${this.height}px` });
    const look = (event) => {
      if (event.type === "pointermove" && !event.buttons) return;
      const box = this.canvas.getBoundingClientRect();
      lookAt((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    };
    this.node.addEventListener("pointerdown", (event) => {
      this.node.setPointerCapture(event.pointerId);
      look(event);
    });
    this.node.addEventListener("pointermove", look);
  }

  /** Many changes are drawn at once, and what one came for is drawn before. */
  expire(colours) {
    this.colours = colours ?? this.colours;
    if (!this.colours) return;
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.#draw();
    }, REDRAW_MILLISECONDS);
  }

  #draw() {
    const context = this.canvas.getContext("2d");
    const unit = this.unit * RATIO;
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    for (const row of this.layout.rows) {
      for (const seat of row.seats) {
        const state = this.map.stateOf(seat);
        if (state === "blocked") continue;
        const isTaken = state === "taken" || state === "held";
        context.globalAlpha = isTaken ? 0.3 : 1;
        context.fillStyle = colourOf(state, row.tier, this.colours);
        const side = Math.max(unit * (isTaken ? 0.5 : 0.85), 0.5);
        context.fillRect((row.shift + seat.position) * unit, row.index * unit, side, side);
      }
    }
  }

  /** Shows what is seen: the first and the last column and row of it. */
  look([left, right], [top, bottom]) {
    const within = (value, most) => Math.min(Math.max(value * this.unit, 0), most);
    const [x, y] = [within(left, this.width), within(top, this.height)];
    Object.assign(this.frame.style, {
      translate: `${x}px ${y}px`,
      width: `${within(right, this.width) - x}px`,
      height: `${within(bottom, this.height) - y}px`,
    });
  }
}
