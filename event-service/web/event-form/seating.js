// The seats of an event in its form: a number of them, or the plan of a hall.
import { get } from "../api.js";
import { h } from "../dom.js";
import { fromMinor } from "../format.js";
import { t } from "../language.js";
import { alert, explain, field } from "../parts.js";
import { addStyles } from "../styles.js";

const STYLES = ["hall/hall.css", "hall/grid.css", "hall/overview.css"];
const NEW_HALL = [{ rows: 10, columns: 16 }];

/** What is stored of an event with assigned seats: its plan, and which seats are taken. */
export async function loadPlan(event, signal) {
  const [plan, { states, version }] = await Promise.all([
    get(`/events/${event.id}/plan`, { signal }),
    get(`/events/${event.id}/seats/states`, { signal }),
  ]);
  // Somebody saved another plan in between.
  if (version !== plan.version) return loadPlan(event, signal);
  return { sections: plan.sections, states };
}

/** `prices` reads typed prices: `read(text)` as `{minor, mistake}`, `minor(text)`, `currency()`. */
export class SeatingPart {
  constructor({ event, plan, prices, changed, signal }) {
    Object.assign(this, { event, plan, prices, changed, signal });
    this.capacity = field({
      label: t("capacity"),
      name: "capacity",
      type: "number",
      min: 1,
      max: 100_000,
      required: true,
      value: event?.capacity ?? 100,
    });
    this.place = h("div", {});
    this.kind = event ? event.seating : "general";
    this.radios = event ? "" : this.#choice();
    this.node = h("div", {}, this.radios, this.place);
  }

  get isAssigned() {
    return this.kind === "assigned";
  }

  get fields() {
    return [this.capacity];
  }

  #choice() {
    const radio = (value) =>
      h(
        "label",
        { class: "check" },
        h("input", { type: "radio", name: "seating", value, checked: value === this.kind }),
        t(`seating.${value}`),
      );
    const node = h(
      "div",
      { class: "radios", role: "radiogroup", "aria-label": t("seating") },
      radio("general"),
      radio("assigned"),
    );
    node.addEventListener("change", ({ target }) => this.choose(target.value));
    return node;
  }

  /** "general" or "assigned". */
  async choose(kind) {
    this.kind = kind;
    this.capacity.input.disabled = this.isAssigned;
    const radio = this.node.querySelector(`[name=seating][value=${kind}]`);
    if (radio) radio.checked = true;
    if (!this.isAssigned) this.place.replaceChildren(this.capacity);
    else if (this.builder) this.place.replaceChildren(this.templates.node, this.builder.node);
    else {
      this.loading ??= this.#load();
      await this.loading;
    }
    this.changed();
  }

  async #load() {
    this.place.replaceChildren(h("p", { class: "hint", role: "status" }, t("hall.loading")));
    try {
      const modules = [import("../hall/builder.js"), import("../hall/templates.js"), import("../hall/plan.js")];
      const [{ HallBuilder }, { Templates }, plans] = await Promise.all([
        ...modules,
        ...STYLES.map(addStyles),
      ]);
      this.plans = plans;
      this.#build(HallBuilder, Templates);
    } catch (problem) {
      this.loading = null;
      this.place.replaceChildren(
        alert(problem.code ? explain(problem) : t("problem.network")),
        h("button", { type: "button", class: "quiet small", onclick: () => this.choose("assigned") }, t("try-again")),
      );
    }
  }

  #build(HallBuilder, Templates) {
    const { prices, event, plan, plans } = this;
    const price = (minor) => fromMinor(minor, event.currency, event.currency_digits);
    const sections = plan
      ? plans.readSections(plan.sections, price, plan.states)
      : NEW_HALL.map(({ rows, columns }) => plans.newSection(t("section-default"), rows, columns));
    this.builder = new HallBuilder({
      sections,
      price: prices.read,
      currency: prices.currency,
      changed: this.changed,
    });
    this.before = this.#written();
    this.templates = new Templates(this.builder, prices);
    this.templates.load(this.signal);
    if (this.isAssigned) this.place.replaceChildren(this.templates.node, this.builder.node);
    if (this.waiting) this.#restoreSections(this.waiting);
  }

  #written() {
    const { minor } = this.prices;
    return JSON.stringify(this.plans.writeSections(this.builder.sections, minor));
  }

  reprice() {
    this.builder?.reprice();
  }

  /** Mistakes for the summary, of the plan only. */
  mistakes() {
    if (!this.isAssigned) return [];
    if (!this.builder) return [{ message: t("hall.loading") }];
    return this.#inPlan(this.builder.check());
  }

  #inPlan(found) {
    const { builder } = this;
    return found.map((mistake) => ({
      label: builder.sections[mistake.section]?.name || t("section"),
      message: mistake.message,
      put: () => builder.show(found),
      focus: () => builder.reveal(mistake),
    }));
  }

  /** Where a mistake that the service found in the plan is shown; null for one that is elsewhere. */
  refused(place, message) {
    if (!place || !this.builder) return null;
    const mistake = { ...place, section: Math.min(place.section, this.builder.sections.length - 1), message };
    this.found = [...(this.found ?? []), mistake];
    return this.#inPlan([mistake]).map((one) => ({ ...one, put: () => this.builder.show(this.found) }))[0];
  }

  clear() {
    this.found = [];
    this.builder?.show([]);
  }

  /** The part of a new event's body. */
  create() {
    const seating = this.isAssigned
      ? { kind: "assigned", sections: JSON.parse(this.#written()) }
      : { kind: "general", capacity: Number(this.capacity.input.value) };
    return { seating };
  }

  /** The part of a change: nothing where it is as it was. */
  change() {
    if (!this.isAssigned) {
      const capacity = Number(this.capacity.input.value);
      return capacity === this.event.capacity ? {} : { capacity };
    }
    const now = this.#written();
    return now === this.before ? {} : { sections: JSON.parse(now) };
  }

  /** What a draft keeps. */
  read() {
    const { kind, builder } = this;
    return { kind, capacity: this.capacity.input.value, sections: builder?.sections ?? null };
  }

  restore({ kind, capacity, sections }) {
    this.capacity.input.value = capacity;
    this.waiting = sections;
    if (this.builder && sections) this.#restoreSections(sections);
    if (kind !== this.kind && !this.event) this.choose(kind);
  }

  #restoreSections(sections) {
    this.waiting = null;
    this.builder.replace(sections);
  }
}
