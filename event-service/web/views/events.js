// The list of events: search, filter, more.
import { here } from "../addresses.js";
import { get, query as search } from "../api.js";
import { h, icon } from "../dom.js";
import { t } from "../language.js";
import { alert, actionButton, empty, eventCard, explain } from "../parts.js";

const FILTERS = ["q", "city", "category", "when"];
const DAY_MILLISECONDS = 86_400_000;
const WHEN_DAYS = { week: 7, month: 30 };
const SUGGESTIONS = 100;

// What was loaded for which filters and how far one had scrolled, for the way back.
const kept = { key: null, items: [], cursor: null, scroll: 0, at: 0 };
const FRESH_MILLISECONDS = 60_000;

export async function render({ query, signal, go }) {
  const filters = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
  const key = JSON.stringify(filters);
  const isBack = kept.key === key && Date.now() - kept.at < FRESH_MILLISECONDS;
  if (!isBack) Object.assign(kept, { key, scroll: 0, at: Date.now() }, await load(filters, null, signal));
  const list = h(
    "div",
    { class: "cards" },
    kept.items.map((event) => eventCard(event)),
  );
  const more = h("div", { class: "more" });
  const drawMore = () =>
    more.replaceChildren(...(kept.cursor ? [moreButton(filters, list, drawMore, signal, more)] : []));
  drawMore();
  signal.addEventListener(
    "abort",
    () => {
      kept.scroll = window.scrollY;
    },
    { once: true },
  );
  const node = h(
    "div",
    { class: "wide" },
    h("div", { class: "hero" }, h("h1", {}, t("hero")), searchForm(filters, go, signal)),
    h("p", { class: "sr", role: "status" }, t("found", { n: kept.items.length })),
    kept.items.length ? list : nothing(filters),
    more,
  );
  return { title: "Parterre", node, shown: isBack ? () => window.scrollTo(0, kept.scroll) : null };
}

async function load(filters, cursor, signal) {
  const { when, ...rest } = filters;
  const until = WHEN_DAYS[when];
  // To the hour: the server keeps a page for everybody who asks for the same.
  const hour = Math.ceil(Date.now() / 3_600_000) * 3_600_000;
  const starts_to = until ? new Date(hour + until * DAY_MILLISECONDS).toISOString() : "";
  const page = await get(`/events${search({ ...rest, starts_to, cursor, limit: 24 })}`, { signal });
  return { items: page.items, cursor: page.next_cursor };
}

function moreButton(filters, list, redraw, signal, place) {
  return actionButton(
    t("more"),
    "quiet",
    async () => {
      const { items, cursor } = await load(filters, kept.cursor, signal);
      const cards = items.map((event) => eventCard(event));
      kept.items.push(...items);
      kept.cursor = cursor;
      list.append(...cards);
      redraw();
      cards[0]?.querySelector("a").focus({ preventScroll: true });
    },
    (problem) => place.append(alert(explain(problem))),
  );
}

function searchForm(filters, go, signal) {
  const lists = { city: h("datalist", { id: "cities" }), category: h("datalist", { id: "categories" }) };
  const input = (name, more) =>
    h("input", {
      name,
      value: filters[name],
      "aria-label": t(name),
      placeholder: t(name),
      maxlength: 100,
      dir: "auto",
      ...more,
    });
  const when = h(
    "select",
    { name: "when", "aria-label": t("when") },
    ["", "week", "month"].map((value) =>
      h("option", { value, selected: value === filters.when }, t(`when.${value || "any"}`)),
    ),
  );
  const form = h(
    "form",
    { class: "search", role: "search" },
    h(
      "div",
      { class: "query" },
      icon("search"),
      input("q", { type: "search", placeholder: t("q-placeholder"), maxlength: 200 }),
      h("button", { class: "primary" }, t("find")),
    ),
    h(
      "div",
      { class: "filters" },
      input("city", { list: "cities" }),
      input("category", { list: "categories", maxlength: 50 }),
      when,
    ),
    lists.city,
    lists.category,
  );
  const apply = () => {
    const chosen = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    const target = `/${search(chosen)}`;
    if (target !== here()) go(target);
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  for (const name of ["city", "category", "when"]) form.elements[name].addEventListener("change", apply);
  // Suggestions come when somebody turns to a filter; most people only look at the list.
  form.querySelector(".filters").addEventListener("focusin", () => suggest(lists, signal), { once: true });
  return form;
}

async function suggest(lists, signal) {
  const page = await get(`/events?limit=${SUGGESTIONS}`, { signal }).catch(() => ({ items: [] }));
  for (const [name, list] of Object.entries(lists)) {
    const values = [...new Set(page.items.map((event) => event[name]).filter(Boolean))].sort((a, b) =>
      a.localeCompare(b),
    );
    list.replaceChildren(...values.map((value) => h("option", { value })));
  }
}

function nothing(filters) {
  const isFiltered = Object.values(filters).some(Boolean);
  return empty(
    t(isFiltered ? "nothing-found" : "no-events"),
    t(isFiltered ? "nothing-found-hint" : "no-events-hint"),
    isFiltered && h("a", { href: "/", class: "button quiet" }, t("all-events")),
  );
}
