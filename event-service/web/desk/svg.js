// Elements of charts. What a chart shows also stands in words or in a table beside it.
import { add } from "../dom.js";

const SVG = "http://www.w3.org/2000/svg";

/** s("rect", {x: 1, class: "bar"}, child) */
export function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {}))
    if (value !== null && value !== false) element.setAttribute(name, value);
  return add(element, children);
}

/** Draws by `paint(width)` as wide as there is room, and again when that changes. */
export function responsive(place, paint, signal) {
  let width = 0;
  const draw = (isForced) => {
    const now = Math.floor(place.clientWidth);
    if (!now || (now === width && !isForced)) return;
    width = now;
    place.replaceChildren(paint(width));
  };
  const observer = new ResizeObserver(() => draw(false));
  observer.observe(place);
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  return () => draw(true);
}
