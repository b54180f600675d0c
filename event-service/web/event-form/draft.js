// What stands in a form and is not saved yet: kept in this browser for the account, and offered again.
import { h } from "../dom.js";
import { HERE, dateAndTime } from "../format.js";
import { t } from "../language.js";

const PREFIX = "parterre-form:";
const KEPT_MILLISECONDS = 30 * 86_400_000;
const PAUSE_MILLISECONDS = 400;

/** Storage may be turned off or full: then there is only the warning. */
function storage(work) {
  try {
    return work(localStorage);
  } catch {
    return null;
  }
}

export class FormDraft {
  /** `read` answers all that was entered, as JSON can hold it; `version` is the event's. */
  constructor({ userId, eventId = "new", version = null, read, signal }) {
    Object.assign(this, { read, version });
    this.key = `${PREFIX}${userId}:${eventId}`;
    this.offered = this.#stored();
    this.isDone = false;
    this.initial = JSON.stringify(read());
    signal.addEventListener("abort", () => this.flush(), { once: true });
    window.addEventListener("pagehide", () => this.flush(), { signal });
  }

  #stored() {
    const draft = storage((store) => JSON.parse(store.getItem(this.key)));
    if (draft && Date.now() - Date.parse(draft.at) < KEPT_MILLISECONDS) return draft;
    storage((store) => store.removeItem(this.key));
    return null;
  }

  get isDirty() {
    return !this.isDone && JSON.stringify(this.read()) !== this.initial;
  }

  changed() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), PAUSE_MILLISECONDS);
  }

  flush() {
    clearTimeout(this.timer);
    if (this.isDone) return;
    const values = this.read();
    if (JSON.stringify(values) === this.initial) {
      // What is still offered was entered before, and is not thrown away by looking.
      if (!this.offered) storage((store) => store.removeItem(this.key));
      return;
    }
    const draft = { at: new Date().toISOString(), version: this.version, values };
    storage((store) => store.setItem(this.key, JSON.stringify(draft)));
  }

  /** It is saved, or not wanted any more. */
  done() {
    this.isDone = true;
    clearTimeout(this.timer);
    storage((store) => store.removeItem(this.key));
  }

  /** Offers what was entered before; `restore` puts it back. Nothing where nothing is kept. */
  offer(restore) {
    const { offered } = this;
    if (!offered) return "";
    const answer = (work) => () => {
      this.offered = null;
      note.remove();
      work();
    };
    const note = h(
      "div",
      { class: "form-draft", role: "region", "aria-label": t("form.draft") },
      h("p", {}, t("form.draft-kept", { when: dateAndTime(offered.at, HERE) })),
      offered.version !== this.version && h("p", {}, t("form.draft-older")),
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "primary small", onclick: answer(() => restore(offered.values)) }, t("form.draft-restore")),
        h("button", { type: "button", class: "quiet small", onclick: answer(() => this.flush()) }, t("form.draft-discard")),
      ),
    );
    return note;
  }
}
