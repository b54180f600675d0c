// The hall from afar: a canvas as large as the window and a little more, drawn anew where one scrolls beyond it.
import { h } from "../dom.js";

const MARGIN = 0.6;
const MOST_PIXELS = 6_000_000;
const MOST_RATIO = 2;
/** Below this a seat is a dot: dense when free, small when not. */
const SHAPED_SCALE = 7;

export class Overview {
  constructor(map, layout) {
    Object.assign(this, { map, layout, sprites: new Map(), drawn: null });
    this.node = h("canvas", { class: "overview", "aria-hidden": "true" });
  }

  /** What was drawn is old: states or colours have changed. */
  expire(colours) {
    this.drawn = null;
    if (colours) {
      this.colours = colours;
      this.sprites.clear();
    }
  }

  draw({ left, top, width, height }, scale, origin) {
    const is = this.drawn;
    const isIn =
      is && is.scale === scale && is.origin === origin && is.width === width &&
      top >= is.top && top + height <= is.bottom && left >= is.left && left + width <= is.right;
    if (isIn) return;
    const area = this.#area({ left, top, width, height }, scale, origin);
    this.drawn = { ...area, scale, origin, width };
    this.#paint(area, scale, origin);
  }

  #area({ left, top, width, height }, scale, origin) {
    const whole = { width: this.layout.width(scale) + 2 * origin, height: this.layout.height(scale) };
    const [x, y] = [width * MARGIN, height * MARGIN];
    return {
      left: Math.max(0, Math.floor(left - x)),
      top: Math.max(0, Math.floor(top - y)),
      right: Math.min(Math.max(whole.width, width), Math.ceil(left + width + x)),
      bottom: Math.max(top + height, Math.min(whole.height, Math.ceil(top + height + y))),
    };
  }

  #paint({ left, top, right, bottom }, scale, origin) {
    const { node, layout, map } = this;
    const [width, height] = [right - left, bottom - top];
    const ratio = Math.min(devicePixelRatio || 1, MOST_RATIO, Math.sqrt(MOST_PIXELS / (width * height)));
    Object.assign(node, { width: Math.ceil(width * ratio), height: Math.ceil(height * ratio) });
    Object.assign(node.style, { left: `${left}px`, top: `${top}px`, width: `${width}px`, height: `${height}px` });
    const context = node.getContext("2d");
    const size = Math.max(1, Math.round(scale * ratio));
    if (size !== this.size) this.sprites.clear();
    this.size = size;
    const dots = scale < SHAPED_SCALE ? new Dots(size, this.colours) : null;
    const [first, end] = layout.rowsBetween(top, bottom, scale);
    for (const row of layout.rows.slice(first, end)) {
      const y = Math.round((layout.top(row, scale) - top) * ratio);
      const start = layout.gutter(scale) + row.shift * scale + origin - left;
      const [from, to] = layout.seatsBetween(row, left - origin, right - origin, scale);
      for (let index = from; index < to; index += 1) {
        const seat = row.seats[index];
        const x = Math.round((start + seat.position * scale) * ratio);
        const state = map.stateOf(seat);
        if (dots) dots.add(state, row.tier, x, y);
        else context.drawImage(this.#sprite(state, row.tier, seat.kind), x, y);
      }
    }
    dots?.draw(context);
  }

  /** A seat's picture at this scale; drawn once. */
  #sprite(state, tier, kind) {
    const key = `${state} ${tier} ${kind}`;
    if (!this.sprites.has(key)) {
      const sprite = h("canvas", {});
      Object.assign(sprite, { width: this.size, height: this.size });
      shape(sprite.getContext("2d"), this.size, state, tier, kind, this.colours);
      this.sprites.set(key, sprite);
    }
    return this.sprites.get(key);
  }
}

export function colourOf(state, tier, colours) {
  if (state === "mine") return colours.good;
  if (state === "chosen") return colours.chosen;
  return state === "free" ? colours.tiers[tier] : colours.taken;
}

/** How much of its square a dot fills, so that states differ without colour. */
const FILLED = { free: 0.82, chosen: 1, mine: 1, held: 0.5, taken: 0.34, blocked: 0 };

/** Thousands of dots: one look after the other, since a phone takes ten times as long for as many pictures. */
class Dots {
  constructor(size, colours) {
    Object.assign(this, { size, colours, looks: {} });
  }

  add(state, tier, x, y) {
    this.looks[state] ??= [];
    (this.looks[state][tier] ??= []).push(x, y);
  }

  draw(context) {
    for (const [state, tiers] of Object.entries(this.looks)) {
      const side = this.size * FILLED[state];
      const inset = (this.size - side) / 2;
      context.globalAlpha = state === "taken" || state === "held" ? 0.7 : 1;
      tiers.forEach((places, tier) => {
        context.fillStyle = colourOf(state, tier, this.colours);
        for (let at = 0; at < places.length; at += 2)
          context.fillRect(places[at] + inset, places[at + 1] + inset, side, side);
      });
    }
  }
}

function shape(context, size, state, tier, kind, colours) {
  const inset = Math.max(1, size * 0.09);
  const side = size - 2 * inset;
  const colour = colourOf(state, tier, colours);
  Object.assign(context, { strokeStyle: colour, fillStyle: colour, lineWidth: Math.max(1, size * 0.06) });
  context.beginPath();
  if (kind === "accessible") context.arc(size / 2, size / 2, side / 2, 0, 2 * Math.PI);
  else context.roundRect(inset, inset, side, side, side * 0.25);
  if (state === "free") tinted(context);
  else if (state === "chosen" || state === "mine") marked(context, size, state, colours);
  else if (state === "blocked") dashed(context, size);
  else crossed(context, size, inset, state);
}

function tinted(context) {
  context.globalAlpha = 0.35;
  context.fill();
  context.globalAlpha = 1;
  context.stroke();
}

function dashed(context, size) {
  context.globalAlpha = 0.6;
  context.setLineDash([size * 0.12, size * 0.1]);
  context.stroke();
}

function marked(context, size, state, colours) {
  context.fill();
  context.strokeStyle = context.fillStyle = colours.paper;
  context.lineWidth = Math.max(1.2, size * 0.13);
  context.beginPath();
  if (state === "chosen") {
    context.moveTo(size * 0.27, size * 0.52);
    context.lineTo(size * 0.44, size * 0.69);
    context.lineTo(size * 0.75, size * 0.32);
    context.stroke();
  } else {
    context.arc(size / 2, size / 2, size * 0.2, 0, 2 * Math.PI);
    context.fill();
  }
}

function crossed(context, size, inset, state) {
  const [near, far] = [inset + size * 0.16, size - inset - size * 0.16];
  context.globalAlpha = 0.6;
  context.beginPath();
  context.moveTo(near, far);
  context.lineTo(far, near);
  if (state === "taken") {
    context.moveTo(near, near);
    context.lineTo(far, far);
  }
  context.stroke();
}
