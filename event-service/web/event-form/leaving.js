// Who leaves a form with unsaved changes is asked first.
import { ask } from "../dom.js";
import { t } from "../language.js";

/** `isDirty()` tells whether something would be left behind. */
export function warnOnLeave(isDirty, signal) {
  window.addEventListener(
    "beforeunload",
    (event) => {
      if (isDirty()) event.preventDefault();
    },
    { signal },
  );
  let isLeaving = false;
  const pressed = async (event) => {
    const link = event.target.closest?.("a[href]");
    if (!link || isLeaving || isElsewhere(event, link) || !isDirty()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const words = { title: t("form.leave-ask"), text: t("form.leave-text"), yes: t("form.leave"), no: t("form.stay"), kind: "" };
    if (!(await ask(words)) || signal.aborted) return;
    isLeaving = true;
    link.click();
    isLeaving = false;
  };
  // Before the page's own handler of links.
  window.addEventListener("click", pressed, { capture: true, signal });
}

/** Another window, a file, or a place on this page. */
function isElsewhere(event, link) {
  const isModified = event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey;
  const isHere = /^#(?!\/)/.test(link.getAttribute("href"));
  return isModified || isHere || link.target === "_blank" || link.hasAttribute("download");
}
