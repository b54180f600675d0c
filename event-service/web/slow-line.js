// What one is told when an answer takes long.
import { h } from "./dom.js";
import { t } from "./language.js";

export const VERY_SLOW_MILLISECONDS = 6000;

/** Runs `work`, which only waits for answers and never for the person, and says beside `button` when that takes long. */
export async function withSlowLine(button, work) {
  const note = h("p", { class: "notice", role: "status" }, t("slow-line"));
  const timer = setTimeout(() => button.after(note), VERY_SLOW_MILLISECONDS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    note.remove();
  }
}
