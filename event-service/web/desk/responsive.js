// Charts as wide as there is room. What a chart shows also stands in words or in a table beside it.

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
