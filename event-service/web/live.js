// Seats go while one looks; the page keeps up as long as it is looked at.
import { pause } from "./dom.js";

const REFRESH_MILLISECONDS = 10_000;

/** Refreshes the panel until the view is left, and at once when somebody comes back to it. */
export async function follow(panel, signal) {
  if (panel.event.status !== "published") return;
  const look = () => panel.refresh().catch(() => null);
  document.addEventListener("visibilitychange", () => document.hidden || look(), { signal });
  while (!signal.aborted) {
    await pause(REFRESH_MILLISECONDS, signal);
    if (!signal.aborted && !document.hidden) await look();
  }
}
