// Accounts of everybody, found by address or name.
import { pagedList, searchForm, when } from "../admin-parts.js";
import { get, query as search } from "../api.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import { badge } from "../parts.js";

const SHOWN = 30;

export async function render({ query, signal, go, user }) {
  const q = query.get("q") ?? "";
  const load = (cursor) => get(`/users${search({ q, cursor, limit: SHOWN })}`, { signal });
  const list = h("ul", { class: "admin-list" });
  const none = h("p", { class: "hint", role: "status" });
  const changed = () => {
    none.textContent = list.children.length ? "" : t("admin.nobody");
  };
  const node = h(
    "div",
    {},
    h("h1", {}, t("admin.users")),
    searchForm({ label: t("admin.find-user"), path: "/admin/users", query, go }),
    none,
    await pagedList({ list, load, draw: (account) => line(account, user), changed }),
  );
  return { title: t("admin.users"), node };
}

const line = (account, user) =>
  h(
    "li",
    {},
    h(
      "div",
      {},
      h("h2", { dir: "auto" }, h("a", { href: `/admin/users/${account.id}` }, account.full_name || account.email)),
      account.full_name && h("p", { dir: "auto" }, account.email),
      h("p", { class: "hint" }, `${t("admin.since")} ${when(account.created_at)}`),
    ),
    h("p", { class: "badges" }, badges(account, user)),
  );

/** What differs from a usual account; `isWhole` says as well what is as usual. */
export const badges = (account, user, { isWhole = false } = {}) => [
  account.id === user.id && badge(t("user.yourself"), "plain"),
  account.is_superuser && badge(t("user.superuser"), "good"),
  !account.is_active && badge(t("user.deactivated"), "bad"),
  !account.is_verified && badge(t("user.unconfirmed"), "warm"),
  isWhole && account.is_verified && badge(t("user.confirmed"), "good"),
];
