// The list of events: search as one types, filters, more.
import { get, query as search } from "../api.js";
import { h } from "../dom.js";
import { count } from "../format.js";
import { t } from "../language.js";
import { actionButton, alert, eventCard, explain } from "../parts.js";
import { picture } from "../picture.js";
import { addressOf, isNarrowed, readFilters, requestOf, searchForm } from "../search-form.js";

const PAGE = 24;
const TYPING_MILLISECONDS = 250;
const SLOW_MILLISECONDS = 200;
const FRESH_MILLISECONDS = 60_000;
// So many values of a facet are listed at most; with as many there may be more.
const FACET_VALUES = 100;
// As in picture.css: a card beside its date.
const SIZES = "(max-width: 26rem) calc(100vw - 7.4rem), 18rem";

// What was loaded for which filters and how far one had scrolled, for the way back.
const kept = { key: null, items: [], cursor: null, scroll: 0, at: 0 };
const facets = { value: null, at: 0 };

export async function render({ query, signal }) {
  const filters = readFilters(query);
  const key = JSON.stringify(filters);
  const isBack = kept.key === key && isFresh(kept);
  if (!isBack) Object.assign(kept, { key, scroll: 0, at: Date.now() }, await load(filters, null, signal));
  const list = new List(filters, signal);
  signal.addEventListener("abort", () => list.leave(), { once: true });
  const words = wordsInServersForm();
  const goOn = words && (() => list.takeOver(words));
  return { title: "Parterre", node: list.node, shown: isBack ? () => window.scrollTo(0, kept.scroll) : goOn };
}

/** The field of the server's form, if somebody was quicker than the scripts and types into it. */
function wordsInServersForm() {
  const words = document.querySelector("#main form[action='/'] [name=q]");
  return words && (words === document.activeElement || words.value !== words.defaultValue) ? words : null;
}

/** In the place of the list while it is on its way for the first time. */
export function skeleton() {
  const parts = [h("div", { class: "date" }), h("div", { class: "picture" })];
  const lines = () => h("div", { class: "about" }, h("p", {}), h("p", {}), h("p", {}));
  const card = () => h("div", { class: "card pictured" }, ...parts.map((part) => part.cloneNode()), lines());
  return h(
    "div",
    { class: "wide skeleton", "aria-hidden": "true" },
    h("div", { class: "hero" }, h("p", { class: "h1" }, t("hero")), h("p", { class: "line search" })),
    h("div", { class: "cards" }, Array.from({ length: 6 }, card)),
  );
}

const isFresh = ({ at }) => Date.now() - at < FRESH_MILLISECONDS;

async function load(filters, cursor, signal) {
  const page = await get(`/events${search({ ...requestOf(filters), cursor, limit: PAGE })}`, { signal });
  return { items: page.items, cursor: page.next_cursor };
}

class List {
  constructor(filters, signal) {
    Object.assign(this, { filters, signal });
    this.form = searchForm(filters, {
      typed: (wanted) => this.#later(wanted),
      chosen: (wanted) => this.#search(wanted),
    });
    this.count = h("p", { class: "count", role: "status" });
    this.all = h("a", { href: "/", class: "all" }, t("all-events"));
    this.trouble = h("div", {});
    this.results = h("div", { class: "results" });
    this.node = h(
      "div",
      { class: "wide" },
      h("div", { class: "hero" }, h("h1", {}, t("hero")), this.form),
      h("div", { class: "count-line" }, this.count, this.all),
      this.trouble,
      this.results,
    );
    this.#draw();
    this.#offer();
  }

  leave() {
    clearTimeout(this.timer);
    this.request?.abort();
    kept.scroll = window.scrollY;
  }

  /** Goes on with what was typed into another field. */
  takeOver({ value, selectionStart, selectionEnd }) {
    const words = this.form.elements.q;
    words.value = value;
    words.focus();
    words.setSelectionRange(selectionStart, selectionEnd);
    words.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #later(wanted) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#search(wanted), TYPING_MILLISECONDS);
  }

  /** Of several searches the last one counts; the ones before are given up. */
  async #search(wanted) {
    clearTimeout(this.timer);
    const key = JSON.stringify(wanted);
    if (key === JSON.stringify(this.filters) && !this.trouble.hasChildNodes()) return;
    this.request?.abort();
    const { signal } = (this.request = new AbortController());
    this.filters = wanted;
    history.replaceState(history.state, "", addressOf(wanted));
    const slow = setTimeout(() => this.results.classList.add("loading"), SLOW_MILLISECONDS);
    this.results.setAttribute("aria-busy", "true");
    try {
      const found = await load(wanted, null, signal);
      if (signal.aborted) return;
      Object.assign(kept, { key, scroll: 0, at: Date.now() }, found);
      this.trouble.replaceChildren();
      this.#draw();
    } catch (problem) {
      if (!signal.aborted) this.trouble.replaceChildren(alert(explain(problem)));
    } finally {
      clearTimeout(slow);
      if (!signal.aborted) {
        this.results.classList.remove("loading");
        this.results.removeAttribute("aria-busy");
      }
    }
  }

  #draw() {
    const { filters } = this;
    this.all.hidden = !isNarrowed(filters);
    this.#drawCount();
    if (!kept.items.length) return this.#drawNothing();
    this.cards = h("div", { class: "cards" }, kept.items.map(card));
    this.more = h("div", { class: "more" });
    this.#drawMore();
    this.results.replaceChildren(this.cards, this.more);
  }

  #drawCount() {
    const n = exactCount(this.filters);
    const shown = kept.items.length;
    this.count.textContent =
      n === null ? t("found-more", { count: count(shown) }) : t("found", { n, count: count(n) });
  }

  async #drawNothing() {
    const { filters, signal } = this;
    this.results.replaceChildren();
    try {
      const { nothingFound } = await import("../nothing-found.js");
      const node = await nothingFound(filters, { load, card, signal });
      if (!signal.aborted && filters === this.filters) this.results.replaceChildren(node);
    } catch {
      // Without a connection: the count above says that there is nothing.
    }
  }

  #drawMore() {
    const failed = (problem) => {
      this.more.querySelector(".alert")?.remove();
      this.more.append(alert(explain(problem)));
    };
    this.more.replaceChildren();
    if (kept.cursor) this.more.append(actionButton(t("more"), "quiet", () => this.#loadMore(), failed));
  }

  async #loadMore() {
    const { filters } = this;
    const { items, cursor } = await load(filters, kept.cursor, this.signal);
    if (filters !== this.filters) return;
    const cards = items.map((event) => card(event));
    kept.items.push(...items);
    kept.cursor = cursor;
    this.cards.append(...cards);
    this.#drawCount();
    this.#drawMore();
    cards[0]?.querySelector("a").focus({ preventScroll: true });
  }

  /** Cities and categories come after the list: most people only look at that. */
  async #offer() {
    if (!facets.value || !isFresh(facets)) {
      const value = await get("/events/facets", { signal: this.signal }).catch(() => null);
      if (value) Object.assign(facets, { value, at: Date.now() });
    }
    if (!facets.value || this.signal.aborted) return;
    this.form.offer(facets.value);
    this.#drawCount();
  }
}

/** How many events there are, or null where that is not known: the list comes by pages. */
function exactCount(filters) {
  if (!kept.cursor) return kept.items.length;
  const { q, city, category, when, from, to } = filters;
  if (!facets.value || q || when || from || to || (city && category)) return null;
  const { cities, categories } = facets.value;
  const counted = (values, wanted) =>
    values.find(({ value }) => value.toLowerCase() === wanted.toLowerCase())?.count ?? null;
  if (city) return counted(cities, city);
  if (category) return counted(categories, category);
  return cities.length < FACET_VALUES ? cities.reduce((sum, { count: n }) => sum + n, 0) : null;
}

function card(event, index = Infinity) {
  const element = eventCard(event);
  element.classList.add("pictured");
  element.querySelector(".date").after(picture(event, { sizes: SIZES, isFirst: index < 2 }));
  return element;
}
