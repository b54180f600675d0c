// What the canvases draw with: the colours that the style sheet gives to seats, in this theme. In forced colours a
// canvas gets nothing from the system by itself.
import { h } from "../dom.js";
import { TIERS } from "../seating.js";

const forced = matchMedia("(forced-colors: active)");
const dark = matchMedia("(prefers-color-scheme: dark)");

/** `{tiers: ["#a01c48", ...], paper, good, chosen, taken}`; `parent` is a place in the map where the style sheet holds. */
export function readColours(parent) {
  if (forced.matches) {
    const free = Array(TIERS).fill("CanvasText");
    return { tiers: free, paper: "Canvas", good: "CanvasText", chosen: "Highlight", taken: "GrayText" };
  }
  const probe = h("i", { hidden: true });
  parent.append(probe);
  const colour = (className, property) => {
    probe.className = className;
    return getComputedStyle(probe).getPropertyValue(property).trim();
  };
  const colours = {
    tiers: Array.from({ length: TIERS }, (_, tier) => colour(`tier-${tier}`, "--tier")),
    paper: colour("", "--paper"),
    good: colour("", "--good"),
    chosen: colour("", "--ink"),
    taken: colour("", "--soft"),
  };
  probe.remove();
  return colours;
}

export function onTheme(changed, signal) {
  for (const query of [forced, dark]) query.addEventListener("change", changed, { signal });
}
