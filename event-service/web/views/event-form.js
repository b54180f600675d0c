// Making an event, or changing one.
import { api, get, post } from "../api.js";
import { mayChange } from "../before-change.js";
import { h, icon, toast } from "../dom.js";
import { FormDraft } from "../event-form/draft.js";
import { bodyOf, fieldsFor, mistakesOf, pricesOf } from "../event-form/fields.js";
import { warnOnLeave } from "../event-form/leaving.js";
import { MistakeSummary, fieldMistakes, refusedMistakes } from "../event-form/mistakes.js";
import { SeatingPart, loadPlan } from "../event-form/seating.js";
import { placeOf } from "../hall/place.js";
import "../hall/words.js";
import { isolate, t } from "../language.js";
import { explain, setBusy, titleOf } from "../parts.js";
import { whoAmI } from "../session.js";
import { addStyles } from "../styles.js";

export async function render({ params: [id], signal, go }) {
  const [event, user] = await Promise.all([
    id ? get(`/events/${id}`, { signal }) : null,
    whoAmI(),
    addStyles("event-form.css"),
  ]);
  const plan = event?.seating === "assigned" ? await loadPlan(event, signal) : null;
  const view = new EventForm({ event, plan, userId: user.id, signal, go });
  await view.seating.choose(view.seating.kind);
  view.keep();
  return { title: view.title, node: view.node };
}

class EventForm {
  constructor({ event, plan, userId, signal, go }) {
    Object.assign(this, { event, userId, signal, go });
    this.title = t(event ? "edit-event" : "new-event");
    this.fields = fieldsFor(event);
    this.summary = new MistakeSummary();
    this.seating = new SeatingPart({
      event,
      plan,
      prices: pricesOf(this.fields),
      changed: () => this.draft?.changed(),
      signal,
    });
    this.button = h("button", { class: "primary" }, t(event ? "save" : "create-draft"));
    this.offer = h("div", {});
    this.form = this.#compose();
    this.form.addEventListener("submit", (submitted) => {
      submitted.preventDefault();
      this.#send();
    });
    this.form.addEventListener("input", () => {
      this.draft?.changed();
      this.seating.reprice();
    });
    this.node = h("div", { class: "form-page event-form" }, this.#back(), h("h1", {}, this.title), this.offer, this.form);
  }

  #back() {
    const { event } = this;
    const [href, words] = event ? [`/my-events/${event.id}`, isolate(titleOf(event))] : ["/my-events", t("my-events")];
    return h("a", { href, class: "back" }, icon("back"), words);
  }

  get wraps() {
    return [...Object.values(this.fields), ...this.seating.fields];
  }

  #compose() {
    const { fields } = this;
    const optional = h(
      "details",
      { open: ["sales_start", "sales_end", "cancellation_deadline"].some((name) => fields[name].input.value) },
      h("summary", {}, t("sales-window")),
      pair(fields.sales_start, fields.sales_end),
      pair(fields.cancellation_deadline, h("div", {})),
    );
    return h(
      "form",
      { class: "form", novalidate: true },
      this.summary.node,
      group("what", fields.title, pair(fields.category, fields.organizer_name), fields.description),
      group(
        "when-and-where",
        pair(fields.venue, fields.city),
        fields.timezone,
        pair(fields.starts_at, fields.ends_at),
        pair(fields.doors_at, h("div", {})),
      ),
      group(
        "seats-and-price",
        pair(fields.price, fields.currency),
        fields.payment_note,
        this.seating.node,
        pair(fields.max_seats_per_user, h("div", {})),
        optional,
      ),
      h("div", { class: "actions" }, this.button),
    );
  }

  /** From now on what is entered is kept, and who leaves is asked. */
  keep() {
    const { event, userId, signal } = this;
    this.draft = new FormDraft({
      userId,
      eventId: event?.id,
      version: event?.version ?? null,
      read: () => this.#read(),
      signal,
    });
    this.offer.replaceChildren(this.draft.offer((values) => this.#restore(values)));
    warnOnLeave(() => this.draft.isDirty, signal);
    signal.addEventListener("abort", () => this.draft.isDirty && toast(t("form.kept")), { once: true });
  }

  #read() {
    const values = {};
    for (const [name, { input }] of Object.entries(this.fields)) values[name] = input.value;
    return { values, seating: this.seating.read() };
  }

  #restore({ values, seating }) {
    for (const [name, value] of Object.entries(values)) {
      const wrap = this.fields[name];
      if (!wrap) continue;
      if (wrap.put) wrap.put(value);
      else wrap.input.value = value;
    }
    for (const { input } of Object.values(this.fields)) input.dispatchEvent(new Event("input", { bubbles: true }));
    this.seating.restore(seating);
    this.fields.title.input.focus();
  }

  #mistakes() {
    const found = [...fieldMistakes(this.wraps)];
    const known = new Set(found.map(({ label }) => label));
    found.push(...mistakesOf(this.fields, this.event).filter(({ label }) => !known.has(label)));
    return [...found, ...this.seating.mistakes()];
  }

  async #send() {
    if (this.isBusy) return;
    // Who is fast sends a plan that is still on its way.
    await this.seating.loading;
    this.wraps.forEach((wrap) => wrap.mistake(""));
    this.summary.clear();
    this.seating.clear();
    const mistakes = this.#mistakes();
    if (mistakes.length) return this.summary.show(mistakes);
    this.isBusy = true;
    setBusy(this.button, true);
    try {
      const saved = await this.#save();
      if (!saved) return;
      this.draft.done();
      toast(t("saved"), "good");
      this.go(`/my-events/${saved.id}`);
    } catch (problem) {
      if (problem.name !== "AbortError") this.#refused(problem);
    } finally {
      this.isBusy = false;
      setBusy(this.button, false);
    }
  }

  /** The event as it is stored now; null where the person took the change back, hearing whom it would mail. */
  async #save() {
    const { event, fields, seating } = this;
    const body = bodyOf(fields, event);
    if (!event) return post("/events", { ...body, ...seating.create() });
    Object.assign(body, seating.change());
    if (!(await mayChange(event, body))) return null;
    return api("PATCH", `/events/${event.id}`, { body, headers: { "If-Match": `"${event.version}"` } });
  }

  #refused(problem) {
    const mistakes = refusedMistakes(problem, this.wraps, (field, message) =>
      this.seating.refused(placeOf(field), message),
    );
    if (mistakes.length) return this.summary.show(mistakes);
    const again = h(
      "button",
      { type: "button", class: "quiet small", onclick: () => this.#loadAnew() },
      t("form.load-anew"),
    );
    this.summary.tell(explain(problem), problem.code === "version-mismatch" && again);
  }

  /** What was entered is kept and offered over the event as it is now. */
  #loadAnew() {
    this.draft.flush();
    this.draft.isDone = true;
    location.reload();
  }
}

const group = (word, ...content) => h("fieldset", {}, h("legend", {}, t(word)), content);
const pair = (...content) => h("div", { class: "pair" }, content);
