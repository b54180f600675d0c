// What of the list is asked for: as it stands in the address, in the form, and in the request.
import { query as search, serverNow } from "./api.js";
import { CHOICES, isChoice, isDay, isoDay, spanOf } from "./days.js";
import { h, icon } from "./dom.js";
import { count } from "./format.js";
import { isolate, t } from "./language.js";

const NAMES = ["q", "city", "category", "when", "from", "to", "sort"];
const DATES = "dates";
/** In the address as in the request; without one, the best match or the next date comes first. */
const ORDERS = ["relevance", "starts_at", "-created_at", "-starts_at"];

const LIMITS = { q: 200, city: 100, category: 50 };

/** From an address, which anybody may have written. */
export function readFilters(query) {
  const filters = Object.fromEntries(
    NAMES.map((name) => [name, (query.get(name) ?? "").trim().slice(0, LIMITS[name] ?? 20)]),
  );
  if (!isDay(filters.from)) filters.from = "";
  if (!isDay(filters.to)) filters.to = "";
  if (filters.from || filters.to || !isChoice(filters.when)) filters.when = "";
  if (!ORDERS.includes(filters.sort)) filters.sort = "";
  return filters;
}

/** Whether it is not the whole list, in whichever order. */
export const isNarrowed = (filters) => NAMES.some((name) => name !== "sort" && filters[name]);

export const addressOf = (filters) => `/${search(filters)}`;

/** As parameters of the API. */
export function requestOf(filters) {
  const { q, city, category, sort } = filters;
  return { q, city, category, ...spanOf(filters), sort: sort === usualOrder(q) ? "" : sort };
}

const usualOrder = (q) => (q ? "relevance" : "starts_at");

/** `typed` is called for each letter, `chosen` for what is meant to be looked for at once; both get the
 * filters. */
export function searchForm(filters, { typed, chosen }) {
  const words = h("input", {
    name: "q",
    type: "search",
    value: filters.q,
    "aria-label": t("q"),
    placeholder: t("q-placeholder"),
    maxlength: 200,
    dir: "auto",
    autocomplete: "off",
    enterkeyhint: "search",
  });
  const selects = { city: choice("city", filters.city), category: choice("category", filters.category) };
  const when = whenSelect(filters);
  const sort = h("select", { name: "sort", "aria-label": t("sort") });
  const dates = dateFields(filters);
  const form = h(
    "form",
    { class: "search", role: "search" },
    h("div", { class: "query" }, icon("search"), words, h("button", { class: "primary" }, t("find"))),
    h("div", { class: "filters" }, selects.city, selects.category, when, sort),
    dates,
  );
  const read = () => {
    const values = Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, value.trim()]));
    dates.hidden = values.when !== DATES;
    if (values.when === DATES) values.when = "";
    else values.from = values.to = "";
    return { ...values, sort: orderFor(sort, values.q) };
  };
  drawOrders(sort, filters.q, filters.sort);
  words.addEventListener("input", () => typed(read()));
  form.addEventListener("change", ({ target }) => target !== words && chosen(read()));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    chosen(read());
  });
  /** `{cities, categories}` of the service, each `[{value, count}]`. */
  form.offer = ({ cities, categories }) => {
    offer(selects.city, cities);
    offer(selects.category, categories);
  };
  return form;
}

function choice(name, value) {
  const select = h("select", { name, "aria-label": t(name), dir: "auto" });
  offer(select, [], value);
  return select;
}

/** What is chosen stays, also where no event has it (any more). */
function offer(select, values, chosen = select.value) {
  const plain = chosen.toLowerCase();
  const options = values.map(({ value, count: events }) =>
    h(
      "option",
      { value, selected: value.toLowerCase() === plain },
      t("facet", { value, count: count(events) }),
    ),
  );
  const isKnown = !chosen || values.some(({ value }) => value.toLowerCase() === plain);
  select.replaceChildren(
    h("option", { value: "" }, t(`any-${select.name}`)),
    ...(isKnown ? [] : [h("option", { value: chosen, selected: true }, isolate(chosen))]),
    ...options,
  );
}

function whenSelect({ when, from, to }) {
  const known = ["", ...CHOICES, ...(when === "week" ? ["week"] : []), DATES];
  const chosen = from || to ? DATES : when;
  return h(
    "select",
    { name: "when", "aria-label": t("when") },
    known.map((value) => h("option", { value, selected: value === chosen }, t(`when.${value || "any"}`))),
  );
}

function dateFields({ from, to }) {
  const today = isoDay(new Date(serverNow()));
  const field = (name, value) =>
    h("label", {}, h("span", {}, t(`date.${name}`)), h("input", { type: "date", name, value, min: today }));
  return h("div", { class: "dates", hidden: !(from || to) }, field("from", from), field("to", to));
}

/** The order that was chosen, or "" for the usual one. The best match comes first only where there are words
 * to match. */
function orderFor(select, q) {
  const hadWords = select.options[0].value === "relevance";
  const chosen = select.value === usualOrder(hadWords) ? "" : select.value;
  if (hadWords !== Boolean(q)) drawOrders(select, q, chosen);
  return select.value === usualOrder(q) ? "" : select.value;
}

function drawOrders(select, q, chosen) {
  const orders = q ? ORDERS : ORDERS.slice(1);
  const value = orders.includes(chosen) ? chosen : usualOrder(q);
  select.replaceChildren(
    ...orders.map((order) => h("option", { value: order, selected: order === value }, t(`sort.${order}`))),
  );
}
