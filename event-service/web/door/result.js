// Green or red over the whole screen, with the words for it: what a helper sees from an arm's length.
import { h, s } from "../dom.js";
import { clock, count } from "../format.js";
import { isolate, t } from "../language.js";
import { actionButton, placeName } from "../parts.js";
import { play } from "./sounds.js";

const GOOD_MILLISECONDS = 3500;
// A round sign with a tick, an octagon with a cross: they differ in shape too.
const SIGNS = {
  good: ["M50 4a46 46 0 1 0 .1 0z", "M28 52l15 16 30-34"],
  bad: ["M31 4h38l27 27v38l-27 27h-38l-27-27v-38z", "M33 33l34 34M67 33l-34 34"],
};

function sign(kind) {
  const [ground, stroke] = SIGNS[kind];
  const paths = [s("path", { class: "ground", d: ground }), s("path", { class: "stroke", d: stroke })];
  return s("svg", { viewBox: "0 0 100 100", "aria-hidden": "true" }, paths);
}

function already({ checked_in_at: at, checked_in_door: door, isKept }, timezone) {
  if (!at) return t("door.already");
  const time = clock(at, timezone);
  if (door) return t("door.already-where", { time, door });
  // A phone without a network does not know who let in.
  return t(isKept === false && door === null ? "door.already-organizer" : "door.already-when", { time });
}

function unsure({ listAt }, timezone) {
  if (!listAt) return t("door.unsure-none");
  return t("door.unsure", { time: clock(listAt, timezone) });
}

const REASONS = {
  "already-checked-in": already,
  "unknown-ticket": () => t("door.unknown"),
  "no-ticket": () => t("door.no-ticket"),
  "no-network": () => t("door.find-offline"),
  unsure,
  refused: () => t("door.refused"),
  problem: ({ text }) => text,
};

/** Whom or what a scan is of, in a line. */
export function whoIs({ guest_name: name, seat, target }) {
  const place = seat ? placeName(seat) : target?.ticket_code;
  return [name && isolate(name), place].filter(Boolean).join(", ");
}

export class ResultScreen {
  constructor({ timezone, counts, undo, keep }) {
    Object.assign(this, { timezone, counts, undo, keep });
    this.dialog = h("dialog", { class: "result", "aria-labelledby": "result-title", "aria-describedby": "result-text" });
    this.dialog.addEventListener("click", ({ target }) => target.closest("button") || this.close());
    this.dialog.addEventListener("close", () => {
      clearTimeout(this.timer);
      this.onclose?.();
    });
    // Whoever moves through it by keyboard has the time for that.
    this.dialog.addEventListener("keydown", () => clearTimeout(this.timer));
    document.body.append(this.dialog);
  }

  get isBad() {
    return this.dialog.open && this.dialog.classList.contains("bad");
  }

  close() {
    if (this.dialog.open) this.dialog.close();
  }

  show(answer) {
    const kind = answer.result === "checked-in" ? "good" : "bad";
    play(kind);
    clearTimeout(this.timer);
    this.dialog.className = `result ${kind}`;
    this.dialog.replaceChildren(
      sign(kind),
      h("h2", { id: "result-title" }, t(kind === "good" ? "door.welcome" : "door.stop-title")),
      h("div", { id: "result-text" }, kind === "good" ? this.welcome(answer) : this.refusal(answer)),
      h("div", { class: "actions" }, this.buttons(answer, kind)),
    );
    // Anew, so that a screen reader reads the next one as well.
    if (this.dialog.open) this.dialog.close();
    this.dialog.showModal();
    this.dialog.querySelector("button").focus();
    if (kind === "good") this.timer = setTimeout(() => this.close(), GOOD_MILLISECONDS);
  }

  welcome({ seat, guest_name: name, isKept }) {
    const { checked_in: n, capacity } = this.counts();
    return [
      seat && h("p", { class: "seat", dir: "auto" }, placeName(seat)),
      name && h("p", { class: "guest", dir: "auto" }, name),
      isKept
        ? h("p", {}, t("door.kept"))
        : h("p", { class: "counts" }, t("door.counts", { n: count(n), capacity: count(capacity) })),
    ];
  }

  refusal(answer) {
    const { seat, guest_name: name } = answer;
    return [
      h("p", { class: "reason", dir: "auto" }, REASONS[answer.result](answer, this.timezone)),
      seat && h("p", { class: "seat", dir: "auto" }, placeName(seat)),
      name && h("p", { class: "guest", dir: "auto" }, name),
    ];
  }

  buttons(answer, kind) {
    const next = h("button", { type: "button", class: "next", onclick: () => this.close() }, t("door.next"));
    const act = (word, work) => {
      const failed = (problem) => this.show({ result: "problem", text: problem.message });
      return actionButton(t(word), "quiet", () => work(answer.scan), failed);
    };
    if (kind === "good") return [next, act("door.undo", this.undo)];
    return [next, answer.result === "unsure" && act("door.let-in", this.keep)];
  }
}
