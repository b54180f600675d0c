// Fingers, wheel, mouse and keys that zoom and move a plan. Scrolling is the browser's own.

const WHEEL_STEP = 0.0022;
const PIXELS_PER_LINE = 16;
const DRAG_PIXELS = 6;
const KEYS = { "+": 1, "=": 1, "-": -1, _: -1 };

const between = ([one, other]) => [
  (one.clientX + other.clientX) / 2,
  (one.clientY + other.clientY) / 2,
  Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY),
];

/** `plan` has a `scroller`, a `scale`, `zoomAt(scale, clientX, clientY)`, `step(direction)`, `showAll()`. */
export function addGestures(plan, hint) {
  pinch(plan);
  wheel(plan, hint);
  drag(plan.scroller);
  plan.scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in KEYS) plan.step(KEYS[event.key]);
    else if (event.key === "0") plan.showAll();
    else return;
    event.preventDefault();
  });
}

function pinch(plan) {
  let begun = null;
  const begin = ({ touches }) => {
    begun = touches.length === 2 ? { distance: between(touches)[2], scale: plan.scale } : null;
  };
  const { scroller } = plan;
  scroller.addEventListener("touchstart", begin, { passive: true });
  scroller.addEventListener("touchend", begin, { passive: true });
  scroller.addEventListener("touchcancel", begin, { passive: true });
  scroller.addEventListener(
    "touchmove",
    (event) => {
      if (!begun || event.touches.length !== 2) return;
      event.preventDefault();
      const [x, y, distance] = between(event.touches);
      plan.zoomAt((begun.scale * distance) / begun.distance, x, y);
    },
    { passive: false },
  );
}

/** With Ctrl or Command, as in maps and as a trackpad's pinch arrives; without it the page goes on scrolling. */
function wheel(plan, hint) {
  plan.scroller.addEventListener(
    "wheel",
    (event) => {
      if (!event.ctrlKey && !event.metaKey) return hint();
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode ? PIXELS_PER_LINE : 1);
      plan.zoomAt(plan.scale * Math.exp(-pixels * WHEEL_STEP), event.clientX, event.clientY);
    },
    { passive: false },
  );
}

/** A mouse moves the plan by dragging; what is under it is not chosen by that. */
function drag(scroller) {
  let from = null;
  let hasMoved = false;
  scroller.addEventListener("pointerdown", (event) => {
    hasMoved = false;
    if (event.pointerType !== "mouse" || event.button) return;
    from = { x: event.clientX, y: event.clientY, left: scroller.scrollLeft, top: scroller.scrollTop };
  });
  scroller.addEventListener("pointermove", (event) => {
    if (!from || !event.buttons) return;
    const [x, y] = [event.clientX - from.x, event.clientY - from.y];
    if (!hasMoved && Math.hypot(x, y) < DRAG_PIXELS) return;
    if (!hasMoved) scroller.setPointerCapture(event.pointerId);
    hasMoved = true;
    scroller.scrollTo(from.left - x, from.top - y);
  });
  const end = () => {
    from = null;
  };
  scroller.addEventListener("pointerup", end);
  scroller.addEventListener("pointercancel", end);
  scroller.addEventListener("click", (event) => hasMoved && event.stopPropagation(), { capture: true });
}
