// The line for a sold-out event.
import { api, isSignedIn } from "./api.js";
import { h } from "./dom.js";
import { deadline } from "./format.js";
import { t } from "./language.js";
import { actionButton, explain, stepper } from "./parts.js";
import { reasonOf } from "./waitlist-reason.js";

export class Waitlist {
  /** `panel` is asked to draw itself anew and to say what failed. */
  constructor(panel, entry) {
    Object.assign(this, { panel, entry });
  }

  node() {
    return this.entry ? this.#waiting() : this.#join();
  }

  #join() {
    const { panel } = this;
    const least = panel.availability.available + 1;
    const most = Math.min(panel.event.max_seats_per_user, panel.event.capacity);
    const number = stepper({
      label: t("how-many"),
      value: least,
      min: least,
      max: most,
    });
    const join = actionButton(
      t("join-waitlist"),
      "primary wide-button",
      async () => {
        if (!isSignedIn()) return panel.signIn({ seats: [], quantity: 1 });
        this.entry = await this.#api("POST", { quantity: number.number });
        panel.draw();
      },
      (problem) => this.#failed(problem),
    );
    return h(
      "div",
      { class: "choose" },
      panel.wasFull && h("h2", {}, t("sold-out")),
      h("p", {}, t("waitlist-hint")),
      h("div", { class: "how-many" }, h("span", {}, t("how-many")), number),
      join,
    );
  }

  #waiting() {
    const { entry, panel } = this;
    const leave = actionButton(
      t("leave-waitlist"),
      "quiet wide-button",
      async () => {
        await this.#api("DELETE");
        this.entry = null;
        panel.draw();
      },
      (problem) => this.#failed(problem),
    );
    if (entry.offer) {
      return h(
        "div",
        { class: "hold" },
        h("h2", {}, t("waitlist-offer", { n: entry.quantity })),
        h("p", {}, t("offer-until", { when: deadline(entry.offer.expires_at, panel.event.timezone) })),
        h(
          "a",
          { class: "button primary wide-button", href: `/bookings/${entry.offer.booking_id}` },
          t("see-offer"),
        ),
        leave,
      );
    }
    return h(
      "div",
      { class: "hold" },
      h("h2", {}, t("waiting", { n: entry.quantity })),
      h("p", {}, t("waitlist-position", { position: entry.position })),
      reasonOf(entry) && h("p", { class: "hint" }, reasonOf(entry)),
      leave,
    );
  }

  #api(method, body) {
    return api(method, `/events/${this.panel.event.id}/waitlist`, { body });
  }

  /** The place in line that one has already: the answer that told it got lost. */
  async #find() {
    this.entry = await this.#api("GET").catch(() => null);
    if (this.entry) this.panel.draw();
    else this.panel.say(t("problem.already-waiting"));
  }

  #failed(problem) {
    if (problem.code === "already-waiting") return this.#find();
    if (problem.status === 404) this.panel.say(t("waitlist-missing"));
    else this.panel.say(explain(problem));
    if (problem.code === "seats-available") this.panel.refresh().catch(() => null);
  }
}
