// Plans of halls that an organizer keeps for later events.
import { api, get, post } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { count, fromMinor } from "../format.js";
import { isolate, t } from "../language.js";
import { actionButton, alert, explain, field } from "../parts.js";
import { readSections, writeSections } from "./plan.js";

const MOST_HALLS = 50;

export class Templates {
  /** `minor` makes a price of what was typed; it may raise a mistake. */
  constructor(builder, { currency, minor }) {
    Object.assign(this, { builder, currency, minor, halls: [] });
    this.problem = h("div", {});
    this.select = h("select", { "aria-label": t("hall.kept"), onchange: () => this.#show() });
    const failed = (problem) => this.problem.replaceChildren(alert(explain(problem)));
    this.use = actionButton(t("hall.use"), "quiet small", () => this.#use(), failed);
    this.remove = actionButton(t("hall.delete"), "link", () => this.#remove(), failed);
    this.choice = h("div", { class: "hall-choice", hidden: true }, this.select, this.use, this.remove);
    this.node = h(
      "div",
      { class: "hall-templates" },
      this.choice,
      actionButton(t("hall.keep"), "quiet small", () => this.#keep(), failed),
      this.problem,
    );
  }

  /** Shows what is kept; without an answer there is nothing to choose. */
  async load(signal) {
    try {
      this.halls = (await get(`/halls?limit=${MOST_HALLS}`, { signal })).items;
    } catch (problem) {
      if (problem.name !== "AbortError") this.problem.replaceChildren(alert(explain(problem)));
    }
    this.#show();
  }

  #show(chosen = this.select.value) {
    const { builder, halls } = this;
    this.choice.hidden = !halls.length;
    this.select.replaceChildren(
      h("option", { value: "" }, t("hall.kept")),
      ...halls.map(({ id, name, seats }) =>
        h("option", { value: id, selected: id === chosen }, `${isolate(name)} · ${t("hall.n-seats", { n: seats, count: count(seats) })}`),
      ),
    );
    // What is sold could not stay in another hall.
    this.use.hidden = !this.select.value || builder.isLocked;
    this.remove.hidden = !this.select.value;
  }

  async #use() {
    this.problem.replaceChildren();
    const hall = await get(`/halls/${this.select.value}`);
    const code = this.currency();
    this.builder.replace(readSections(hall.sections, (price) => fromMinor(price, code)));
    this.builder.say(t("hall.used", { name: hall.name }));
  }

  async #remove() {
    const { value } = this.select;
    const { name } = this.halls.find(({ id }) => id === value);
    const words = { title: t("hall.delete-ask", { name }), text: t("hall.delete-text"), yes: t("hall.delete"), no: t("keep") };
    if (!(await ask(words))) return;
    await api("DELETE", `/halls/${value}`);
    this.halls = this.halls.filter(({ id }) => id !== value);
    this.#show("");
  }

  async #keep() {
    this.problem.replaceChildren();
    const mistakes = this.builder.check();
    if (mistakes.length) {
      this.builder.show(mistakes);
      this.builder.reveal(mistakes[0]);
      return;
    }
    const chosen = this.halls.find(({ id }) => id === this.select.value);
    const name = field({ label: t("hall.name"), name: "hall-name", maxlength: 100, value: chosen?.name, hint: t("hall.name-hint") });
    const mayAgree = () => {
      if (!name.input.value.trim()) name.mistake(t("invalid.missing"));
      return Boolean(name.input.value.trim());
    };
    const words = { title: t("hall.keep"), yes: t("save"), no: t("hall.close"), content: name, kind: "", mayAgree };
    if (!(await ask(words))) return;
    await this.#save(name.input.value.trim());
  }

  /** A hall of the same name is replaced. */
  async #save(name) {
    const body = { name, sections: writeSections(this.builder.sections, this.minor) };
    const before = this.halls.find((hall) => hall.name === name);
    const saved = before ? await api("PUT", `/halls/${before.id}`, { body }) : await post("/halls", body);
    this.halls = [saved, ...this.halls.filter(({ id }) => id !== saved.id)];
    this.#show(saved.id);
    toast(t("hall.saved", { name: saved.name }), "good");
  }
}
