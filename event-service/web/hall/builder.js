// Drawing the plan of a hall: sections, tools, the grid, what it comes to.
import { h, icon } from "../dom.js";
import { count, money } from "../format.js";
import { isolate, t } from "../language.js";
import { checkPlan } from "./check.js";
import * as edits from "./edits.js";
import { HallGrid, kindOf } from "./grid.js";
import { History } from "./history.js";
import { LineTools } from "./line-tools.js";
import { overview } from "./overview.js";
import { ACCESSIBLE, BLOCKED, GAP, SEAT, SoldSeat, TooMuch, countRows, sectionHasSold } from "./plan.js";
import { SectionPanel } from "./section-panel.js";
import { SectionTabs } from "./section-tabs.js";
import { Toolbar } from "./toolbar.js";

// What a second press with a tool makes of a cell.
const ERASED = { [SEAT]: GAP, [GAP]: SEAT, [ACCESSIBLE]: SEAT, [BLOCKED]: SEAT };

export class HallBuilder {
  /** `sections` by `readSections`; `price` reads a typed price as `{minor, mistake}`, the event's own for an
   * empty one; `currency()` is a code; `changed` hears of each change. */
  constructor({ sections, price, currency, changed }) {
    Object.assign(this, { price, currency, changed, index: 0, mistakes: [] });
    this.history = new History(sections);
    this.status = h("p", { class: "hint hall-status", role: "status" });
    this.total = h("p", { class: "hall-total" });
    this.errors = h("ul", { class: "error hall-errors" });
    this.picture = h("div", { class: "hall-picture" });
    this.tabs = new SectionTabs(this);
    this.panel = new SectionPanel(this);
    this.toolbar = new Toolbar(this);
    this.grid = new HallGrid({
      draw: this.#strokes(),
      key: (action) => this.#key(action),
      moved: () => this.lines.show(),
      isMoving: () => this.toolbar.tool === null,
    });
    this.lines = new LineTools(this);
    this.errors.id = `${this.grid.id}-errors`;
    this.node = this.#compose();
    this.node.addEventListener("keydown", (event) => this.#shortcut(event));
    this.redraw();
  }

  get sections() {
    return this.history.state;
  }

  get section() {
    return this.sections[this.index];
  }

  get isLocked() {
    return this.sections.some(sectionHasSold);
  }

  /** Another section is drawn from now on. */
  open(index) {
    this.history.commit();
    this.index = Math.min(Math.max(index, 0), this.sections.length - 1);
    this.grid.active = { row: 0, column: 0 };
    this.redraw();
  }

  /** `make` answers the plan after a change; what cannot be done is said. Whether it was done. */
  change(make, { isLive = false } = {}) {
    try {
      const next = make(this.sections);
      if (isLive) this.history.live(next);
      else this.history.commit(next);
    } catch (problem) {
      if (!(problem instanceof SoldSeat || problem instanceof TooMuch)) throw problem;
      this.say(
        problem instanceof SoldSeat
          ? t("hall.sold-stays", { row: problem.row })
          : t(`hall.too-much.${problem.limit}`),
      );
      this.redraw();
      return false;
    }
    this.index = Math.min(this.index, this.sections.length - 1);
    this.say("");
    this.redraw();
    this.changed();
    return true;
  }

  /** A whole other plan, such as a kept one; it can be undone. */
  replace(sections) {
    this.index = 0;
    this.change(() => sections);
  }

  undo() {
    this.#step(this.history.undo(), "hall.undone");
  }

  redo() {
    this.#step(this.history.redo(), "hall.redone");
  }

  #step(isDone, word) {
    if (!isDone) return;
    this.index = Math.min(this.index, this.sections.length - 1);
    this.say(t(word));
    this.redraw();
    this.changed();
  }

  say(text) {
    this.status.textContent = text;
  }

  /** What is wrong before it is sent: a list of `{section, row, part, message}`. */
  check() {
    return checkPlan(this.sections, (text) => this.price(text).mistake);
  }

  /** Shows mistakes where they are, until the next time. */
  show(mistakes) {
    this.mistakes = mistakes;
    this.redraw();
  }

  /** Goes to where a mistake is. */
  reveal({ section, row, part }) {
    if (section !== this.index) this.open(section);
    if (row === undefined && part !== "rows") return this.panel.focus(part);
    if (row !== undefined) this.grid.activate({ row, column: 0 });
    if (part === "row-name") return this.lines.focusName();
    this.grid.grid.focus();
  }

  redraw() {
    this.tabs.show();
    this.panel.show();
    this.grid.show(this.section);
    this.lines.show();
    this.toolbar.show();
    this.#sum();
    this.#showErrors();
    this.#later();
  }

  /** The letter of the tool in hand, or what erases it where all cells have it already. */
  #letterFor(cells) {
    const { tool } = this.toolbar;
    const { rows } = this.section;
    const has = ([row, column]) => rows[row].letters[column] === tool;
    return cells?.length && cells.every(has) ? ERASED[tool] : tool;
  }

  #strokes() {
    let letter = null;
    let base = null;
    return {
      begin: (cells) => {
        letter = this.#letterFor(cells);
        base = this.sections;
      },
      cells: (cells) => {
        if (letter === null) return;
        this.#paint(base, cells, letter, { isLive: true });
      },
      end: () => {
        if (this.history.commit()) this.changed();
        this.redraw();
      },
      cancel: () => {
        this.history.cancel();
        this.redraw();
      },
    };
  }

  #paint(base, cells, letter, options) {
    let hasMetSold = false;
    const isDone = this.change(
      () =>
        edits.paint(base, this.index, cells, letter, () => {
          hasMetSold = true;
        }),
      options,
    );
    if (!isDone) return;
    const { row, column } = this.grid.active;
    if (hasMetSold) this.say(t("hall.sold-kept"));
    else if (cells.length > 1) this.say(t("hall.drawn", { n: cells.length, what: t(`hall.tool.${kindOf(letter)}`) }));
    else this.say(this.grid.describe(row, column));
  }

  #key({ letter, isTool }) {
    const cells = this.grid.cellsOf(this.grid.active);
    const drawn = isTool ? this.#letterFor(cells) : letter;
    if (drawn === null || drawn === undefined) return this.say(t("hall.no-tool"));
    this.#paint(this.sections, cells, drawn);
  }

  #shortcut(event) {
    // In a form Enter would send it; here it ends what is typed.
    if (event.key === "Enter" && event.target.closest("input")) {
      event.preventDefault();
      event.target.dispatchEvent(new Event("change"));
    }
    if (!(event.ctrlKey || event.metaKey) || event.altKey || event.target.closest("input")) return;
    const isRedo = event.code === "KeyY" || (event.code === "KeyZ" && event.shiftKey);
    if (!isRedo && event.code !== "KeyZ") return;
    event.preventDefault();
    if (isRedo) this.redo();
    else this.undo();
  }

  #sum() {
    const all = countRows(this.sections.flatMap(({ rows }) => rows));
    let income = 0;
    for (const { price, rows } of this.sections) income += this.price(price).minor * countRows(rows).seats;
    const parts = [t("hall.n-seats", { n: all.seats, count: count(all.seats) })];
    if (all.accessible) parts.push(t("hall.n-accessible", { n: all.accessible, count: count(all.accessible) }));
    if (all.blocked) parts.push(t("hall.n-blocked", { n: all.blocked, count: count(all.blocked) }));
    if (all.sold) parts.push(t("hall.n-sold", { n: all.sold, count: count(all.sold) }));
    if (income) parts.push(t("hall.income", { amount: money(income, this.currency()) }));
    this.total.textContent = parts.join(" · ");
  }

  /** Prices that depend on the event's own were changed outside. */
  reprice() {
    this.tabs.show();
    this.#sum();
  }

  #showErrors() {
    const here = this.mistakes.filter(({ section, row, part }) => section === this.index && (row !== undefined || part === "rows"));
    this.errors.replaceChildren(...here.map(({ message }) => h("li", {}, message)));
    this.errors.hidden = !here.length;
  }

  /** The picture follows when nothing else is to be drawn. */
  #later() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      const sum = this.sections.map(({ name, rows }) => `${isolate(name)}: ${count(countRows(rows).seats)}`);
      const label = `${t("hall.overview")} ${sum.slice(0, 12).join("; ")}`;
      this.picture.replaceChildren(overview(this.sections, { current: this.index, label }));
    }, 60);
  }

  #compose() {
    return h(
      "div",
      { class: "hall-builder" },
      this.tabs.node,
      h(
        "div",
        { class: "hall-work" },
        this.panel.node,
        this.toolbar.node,
        h("p", { class: "hint" }, t("hall.hint")),
        h("details", { class: "hall-keys" }, h("summary", {}, t("hall.keys")), h("p", {}, t("hall.keys-hint"))),
        h("p", { class: "hall-stage", "aria-hidden": "true" }, t("stage")),
        this.grid.node,
        this.errors,
        this.status,
        this.lines.node,
      ),
      h("div", { class: "hall-sum" }, h("h3", {}, icon("seat"), t("hall.whole")), this.picture, this.total),
    );
  }
}
