// The last scans with their undo, and what needs somebody's eyes: conflicts, and a phone that keeps nothing.
import { h } from "../dom.js";
import { clock } from "../format.js";
import { t } from "../language.js";
import { actionButton, badge } from "../parts.js";
import { whoIs } from "./result.js";

const SHOWN = 12;

function statusOf({ state, result, is_good: isGood }) {
  if (state === "undone") return ["door.status.undone", "plain"];
  if (state === "waiting") return ["door.status.waiting", "warm"];
  if (isGood && result !== "checked-in") return ["door.status.conflict", "bad"];
  return result === "checked-in" ? ["door.status.in", "good"] : ["door.status.refused", "bad"];
}

/** Draws again only what has changed: focus stays where it is. */
export function recentScans(place, scans, timezone, undo) {
  const shown = scans.slice(-SHOWN).reverse();
  const state = JSON.stringify(shown.map(({ id, state: now, result, is_good: isGood }) => [id, now, result, isGood]));
  if (place.dataset.state === state) return;
  const hadFocus = place.contains(document.activeElement);
  place.dataset.state = state;
  const list = shown.map((scan) => row(scan, timezone, undo));
  const heading = h("h2", { tabindex: -1 }, t("door.recent"));
  place.replaceChildren(
    heading,
    list.length ? h("ol", { class: "rows recent" }, list) : h("p", { class: "hint" }, t("door.recent-none")),
  );
  if (hadFocus) heading.focus({ preventScroll: true });
}

function row(scan, timezone, undo) {
  const [word, kind] = statusOf(scan);
  const who = whoIs(scan);
  const mayUndo = scan.is_good && scan.result === "checked-in" && scan.state !== "undone";
  const button = mayUndo && actionButton(t("door.undo"), "quiet small", () => undo(scan), console.error);
  if (button) button.setAttribute("aria-label", t("door.undo-of", { who }));
  return h(
    "li",
    {},
    h("p", {}, h("span", { dir: "auto" }, who), h("span", { class: "hint" }, clock(scan.scanned_at, timezone), " "), badge(t(word), kind)),
    button,
  );
}

export function warnings(outbox, timezone) {
  const { conflicts } = outbox;
  if (!conflicts.length) return [];
  const line = (scan) => {
    const time = clock(scan.scanned_at, timezone);
    const [first, second] = [t("door.conflict", { who: whoIs(scan), time }), reason(scan, timezone)];
    return h("li", { dir: "auto" }, `${first} ${second}`);
  };
  return [
    h(
      "div",
      { class: "alert conflicts" },
      h("h2", {}, t("door.conflicts", { n: conflicts.length })),
      h("p", {}, t("door.conflicts-hint")),
      h("ul", {}, conflicts.map(line)),
    ),
  ];
}

function reason({ result, checked_in_at: at, checked_in_door: door }, timezone) {
  if (result !== "already-checked-in") return t("door.unknown");
  if (!at) return t("door.already");
  const time = clock(at, timezone);
  return door ? t("door.already-where", { time, door }) : t("door.already-when", { time });
}
