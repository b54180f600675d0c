// What the parts for superusers have in common: a search that stands in the address, and a list by pages.
import { query as search } from "./api.js";
import { h, toast } from "./dom.js";
import { HERE, clock, shortDate } from "./format.js";
import { t } from "./language.js";
import { actionButton, explain } from "./parts.js";

/** "26 Nov 2026, 15:11": short, since lists and tables hold many. */
export const when = (iso) => `${shortDate(iso, HERE)}, ${clock(iso, HERE)}`;

export const failed = (problem) => toast(explain(problem), "bad");

/** A form whose values become the address's, so that reload, Back and a link keep them. `more` are other fields. */
export function searchForm({ label, path, query, go, more = [] }) {
  const input = h("input", { type: "search", name: "q", maxlength: 200, dir: "auto", "aria-label": label, placeholder: label });
  input.value = query.get("q") ?? "";
  const form = h(
    "form",
    { class: "search admin-search", role: "search" },
    input,
    more,
    h("button", { class: "primary" }, t("find")),
  );
  const send = () => {
    const values = Object.fromEntries(new FormData(form));
    go(path + search({ ...values, q: values.q.trim() }));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  for (const select of form.querySelectorAll("select")) select.addEventListener("change", send);
  return form;
}

/** `load(cursor)` answers a page, `draw(item)` an element for `list`. `changed` hears of each page that came. */
export async function pagedList({ list, load, draw, changed = () => {} }) {
  const more = h("div", { class: "more" });
  const show = (page) => {
    list.append(...page.items.map(draw));
    const next = async () => show(await load(page.next_cursor));
    more.replaceChildren(...(page.next_cursor ? [actionButton(t("more"), "quiet", next, failed)] : []));
    changed();
  };
  show(await load(null));
  return [list, more];
}
