// What a helper has in hand: the camera, a field for codes, the last scans, and how the network is.
import { h, toast } from "../dom.js";
import { clock, count, span } from "../format.js";
import { t } from "../language.js";
import { explain, field, form, titleOf, venueOf } from "../parts.js";
import { cameraPanel } from "./camera-panel.js";
import { guestButton } from "./guests.js";
import { isAway } from "./key.js";
import { recentScans, warnings } from "./recent.js";
import { ResultScreen } from "./result.js";
import { unlock } from "./sounds.js";

export class Screen {
  constructor({ door, outbox, tickets, checker }) {
    Object.assign(this, { door, outbox, tickets, checker });
    this.isBusy = false;
    this.result = new ResultScreen({
      timezone: door.timezone,
      counts: () => outbox.counts,
      undo: (scan) => this.undo(scan),
      keep: async (scan) => this.show(await checker.keep(scan)),
    });
    this.result.onclose = () => this.update();
    outbox.addEventListener("changed", () => this.update());
  }

  draw(bar, main) {
    const { door } = this;
    this.counts = h("p", { class: "door-counts" });
    this.network = h("p", { class: "network", role: "status" });
    bar.replaceChildren(
      h(
        "div",
        { class: "where" },
        h("h1", { dir: "auto" }, titleOf(door)),
        h("p", { dir: "auto" }, door.door ?? t("door.you")),
      ),
      this.counts,
      this.network,
    );
    this.camera = cameraPanel({ found: (text) => this.check(() => this.checker.checkText(text)) });
    this.places = { warnings: h("div", {}), list: h("p", { class: "hint" }), recent: h("section", {}) };
    const find = guestButton({
      outbox: this.outbox,
      timezone: door.timezone,
      admit: (guest) => this.check(() => this.checker.checkGuest(guest)),
    });
    main.replaceChildren(
      this.camera.node,
      h(
        "div",
        { class: "beside" },
        this.places.warnings,
        this.codeForm(),
        find,
        this.places.recent,
        h("p", { class: "hint" }, span(door), " · ", venueOf(door)),
        this.places.list,
      ),
    );
    // Sounds are allowed after any press.
    document.addEventListener("pointerdown", unlock);
    document.addEventListener("keydown", unlock);
    this.update();
  }

  codeForm() {
    const code = field({
      label: t("door.type"),
      name: "ticket_code",
      required: true,
      maxlength: 200,
      autocomplete: "off",
      autocapitalize: "characters",
      spellcheck: "false",
      hint: t("door.type-hint"),
    });
    return form({
      className: "form inline",
      fields: [code],
      submit: t("door.check-in"),
      done: async (values, element) => {
        await this.check(() => this.checker.checkText(values.ticket_code));
        element.reset();
      },
    });
  }

  /** One at a time: what the camera sees meanwhile is seen again. */
  async check(work) {
    if (this.isBusy || this.result.isBad) return;
    this.isBusy = true;
    this.camera.pause(true);
    try {
      this.show(await work());
    } catch (problem) {
      if (problem.status !== 401) this.show({ result: "problem", text: explain(problem) });
    } finally {
      this.isBusy = false;
      this.update();
    }
  }

  show(answer) {
    this.result.show({ ...answer, listAt: this.tickets.at });
  }

  async undo(scan) {
    try {
      await this.outbox.undo(scan);
      this.result.close();
      toast(t("door.undone"), "good");
    } catch (problem) {
      if (problem.status === 401) return;
      this.result.close();
      toast(isAway(problem) ? t("door.undo-offline") : explain(problem), "bad");
    }
  }

  update() {
    const { outbox, tickets, door } = this;
    const { checked_in: n, capacity } = outbox.counts;
    this.camera.pause(this.isBusy || this.result.isBad);
    this.counts.replaceChildren(
      h("span", { "aria-hidden": "true" }, `${count(n)} / ${count(capacity)}`),
      h("span", { class: "sr" }, t("door.counts", { n: count(n), capacity: count(capacity) })),
    );
    const waiting = outbox.waiting.length;
    this.network.className = `network ${outbox.isOnline ? "online" : "offline"}`;
    const text = [t(outbox.isOnline ? "door.online" : "door.offline")];
    if (waiting) text.push(t("door.to-send", { n: waiting }));
    const said = text.join(" · ");
    // Only what is new is read out.
    if (this.network.textContent !== said) this.network.textContent = said;
    this.places.list.textContent = this.list();
    this.places.warnings.replaceChildren(...warnings(outbox, door.timezone));
    recentScans(this.places.recent, outbox.scans, door.timezone, (scan) => this.undo(scan));
  }

  list() {
    const { at, count: n } = this.tickets;
    if (at !== null) return t("door.list", { n, count: count(n), time: clock(at, this.door.timezone) });
    return t(this.outbox.isOnline ? "door.list-loading" : "door.list-none");
  }

  stop() {
    this.camera?.stop();
    this.result.close();
  }
}

