// A part of a picture in a fixed shape: moved and enlarged below the frame by finger, mouse, wheel or sliders.
import { h } from "../dom.js";
import { t } from "../language.js";

const SHAPE = 16 / 9;
const MAX_WIDTH = 1920;
const MAX_ZOOM = 4;
const WHEEL_STEP = 1.1;
// Of the canvas; what it shows on the screen is scaled by CSS.
const VIEW = { width: 960, height: 540 };
const QUALITY = 0.9;
const SLIDER_STEPS = 1000;

export class Crop {
  /** `image` is an ImageBitmap. */
  constructor(image) {
    this.image = image;
    // The middle of what is seen, in parts of the picture; zoom 1 fills the frame exactly.
    Object.assign(this, { x: 0.5, y: 0.5, zoom: 1 });
    this.fingers = new Map();
    this.canvas = h("canvas", { ...VIEW, class: "crop-view", role: "img", "aria-label": t("picture.crop-view") });
    this.sliders = {
      zoom: this.#slider("zoom", 0, (part) => (this.zoom = MAX_ZOOM ** part)),
      x: this.#slider("x", 0.5, (part) => (this.x = this.#within("width", part))),
      y: this.#slider("y", 0.5, (part) => (this.y = this.#within("height", part))),
    };
    const rows = Object.entries(this.sliders).map(([name, slider]) =>
      h("label", { class: "crop-slider" }, h("span", {}, t(`picture.${name}`)), slider),
    );
    this.node = h("div", { class: "crop" }, this.canvas, h("p", { class: "hint" }, t("picture.crop-hint")), rows);
    this.#listen();
    this.#draw();
  }

  /** Size of what is seen, in the picture's pixels. */
  get size() {
    const { width, height } = this.image;
    const whole = Math.min(width, height * SHAPE);
    return { width: whole / this.zoom, height: whole / SHAPE / this.zoom };
  }

  /** The chosen part as a JPEG file. */
  toBlob() {
    const { width } = this.size;
    const canvas = h("canvas", {});
    canvas.width = Math.round(Math.min(MAX_WIDTH, Math.max(width, 2)));
    canvas.height = Math.round(canvas.width / SHAPE);
    this.#paint(canvas);
    return new Promise((resolve) => {
      canvas.toBlob(resolve, "image/jpeg", QUALITY);
    });
  }

  #slider(name, value, put) {
    const input = h("input", { type: "range", name: `crop-${name}`, min: 0, max: SLIDER_STEPS, step: 10 });
    input.value = value * SLIDER_STEPS;
    input.addEventListener("input", () => {
      put(Number(input.value) / SLIDER_STEPS);
      this.#draw(input);
    });
    return input;
  }

  /** The middle for a slider's part from 0 (the beginning of the picture) to 1. */
  #within(side, part) {
    const half = this.size[side] / this.image[side] / 2;
    return half + part * (1 - 2 * half);
  }

  /** The reverse of it. */
  #part(side, middle) {
    const half = this.size[side] / this.image[side] / 2;
    return half >= 0.5 ? 0.5 : (middle - half) / (1 - 2 * half);
  }

  /** `input` is the slider that is being moved: it stays where the hand put it. */
  #draw(input) {
    for (const [axis, side] of [
      ["x", "width"],
      ["y", "height"],
    ]) {
      const half = this.size[side] / this.image[side] / 2;
      this[axis] = Math.min(1 - half, Math.max(half, this[axis]));
      this.sliders[axis].disabled = half >= 0.5;
      if (input !== this.sliders[axis]) this.sliders[axis].value = this.#part(side, this[axis]) * SLIDER_STEPS;
    }
    if (input !== this.sliders.zoom)
      this.sliders.zoom.value = (Math.log(this.zoom) / Math.log(MAX_ZOOM)) * SLIDER_STEPS;
    this.#paint(this.canvas);
  }

  #paint(canvas) {
    const { width, height } = this.size;
    const [left, top] = [this.x * this.image.width - width / 2, this.y * this.image.height - height / 2];
    const context = canvas.getContext("2d");
    context.imageSmoothingQuality = "high";
    // What is transparent becomes white: a JPEG has no transparency.
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(this.image, left, top, width, height, 0, 0, canvas.width, canvas.height);
  }

  #listen() {
    const { canvas, fingers } = this;
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
    });
    for (const end of ["pointerup", "pointercancel"])
      canvas.addEventListener(end, ({ pointerId }) => fingers.delete(pointerId));
    canvas.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId)) return;
      const before = middleOf(fingers);
      fingers.set(event.pointerId, event);
      this.#follow(before, middleOf(fingers));
    });
    canvas.addEventListener(
      "wheel",
      (event) => {
        event.preventDefault();
        this.#enlarge(event.deltaY < 0 ? WHEEL_STEP : 1 / WHEEL_STEP);
        this.#draw();
      },
      { passive: false },
    );
  }

  #follow(before, after) {
    const scale = this.size.width / this.canvas.clientWidth;
    this.x -= ((after.x - before.x) * scale) / this.image.width;
    this.y -= ((after.y - before.y) * scale) / this.image.height;
    if (before.spread && after.spread) this.#enlarge(after.spread / before.spread);
    this.#draw();
  }

  #enlarge(by) {
    this.zoom = Math.min(MAX_ZOOM, Math.max(1, this.zoom * by));
  }
}

/** Where the fingers are together, and how far apart two of them. */
function middleOf(fingers) {
  const all = [...fingers.values()];
  const sum = (name) => all.reduce((total, finger) => total + finger[name], 0);
  const [first, second] = all;
  const spread = second ? Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY) : 0;
  return { x: sum("clientX") / all.length, y: sum("clientY") / all.length, spread };
}
