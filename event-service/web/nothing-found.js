// In the place of an empty list: what is near. Loaded by the first search that finds nothing.
import { h } from "./dom.js";
import { count } from "./format.js";
import { t } from "./language.js";
import { empty } from "./parts.js";
import { addressOf, isNarrowed } from "./search-form.js";

const SHOWN = 3;
const NOTHING = { items: [], cursor: null };

/** What each filter is left out by. */
const PARTS = { q: ["q"], city: ["city"], category: ["category"], dates: ["when", "from", "to"] };

/** `load` finds events by filters, `card` draws one. */
export async function nothingFound(filters, { load, card, signal }) {
  if (!isNarrowed(filters)) return empty(t("no-events"), t("no-events-hint"));
  const find = (wanted) => load(wanted, null, signal).catch(() => NOTHING);
  const without = Object.entries(PARTS)
    .filter(([, names]) => names.some((name) => filters[name]))
    .map(([part, names]) => [part, { ...filters, ...Object.fromEntries(names.map((name) => [name, ""])) }]);
  const tries = without.length > 1 ? without : [];
  const found = await Promise.all(tries.map(async ([part, wanted]) => [part, wanted, await find(wanted)]));
  const useful = found.filter(([, , { items }]) => items.length);
  // Where one less is not enough: the words alone.
  if (!useful.length && filters.q && without.length > 2) {
    const alone = { q: filters.q };
    const page = await find(alone);
    if (page.items.length) useful.push(["rest", alone, page]);
  }
  return h(
    "div",
    { class: "nothing" },
    empty(t("nothing-found"), t("nothing-found-hint")),
    useful.length > 0 &&
      h(
        "ul",
        { class: "near" },
        useful.map(([part, wanted, page]) => h("li", {}, nearLink(part, wanted, page, filters))),
      ),
    await coming(filters, { find, card }),
  );
}

function nearLink(part, wanted, { items, cursor }, { q }) {
  const n = count(items.length);
  return h(
    "a",
    { class: "button quiet", href: addressOf(wanted) },
    t(`without.${part}`, { q }),
    " ",
    h("span", { class: "of" }, cursor ? `${n}+` : n),
  );
}

/** The next dates in the same city, or anywhere. */
async function coming({ city }, { find, card }) {
  const here = city ? await find({ city }) : NOTHING;
  const { items } = here.items.length ? here : await find({});
  if (!items.length) return null;
  return h(
    "section",
    { "aria-labelledby": "coming" },
    h("h2", { id: "coming" }, here.items.length ? t("coming-in", { city: items[0].city }) : t("coming")),
    h("div", { class: "cards" }, items.slice(0, SHOWN).map(card)),
  );
}
