// An account of somebody: its role, where it is signed in, what happened to it.
import { failed, pagedList, when } from "../admin-parts.js";
import { api, get, query as search } from "../api.js";
import { ask, h, icon, toast, written } from "../dom.js";
import { has, t } from "../language.js";
import { actionButton } from "../parts.js";
import { badges } from "./admin-users.js";

const SHOWN = 20;

export async function render({ id, signal, user }) {
  const account = await get(`/users/${id}`, { signal });
  const node = h("div", { class: "admin-user" });
  await draw({ node, account, signal, user });
  return { title: account.full_name || account.email, node };
}

async function draw(view) {
  const { node, account, user } = view;
  const parts = [
    h("a", { href: "/admin/users", class: "back" }, icon("back"), t("admin.all-users")),
    h("h1", { dir: "auto" }, account.full_name || account.email),
    h("p", { class: "badges" }, badges(account, user, { isWhole: true })),
    facts(account),
    account.id === user.id && h("p", { class: "hint" }, t("admin.own-account")),
    h("div", { class: "actions" }, actions(view)),
    await sessions(view),
    await audit(view),
  ];
  node.replaceChildren(...parts.filter(Boolean));
}

const facts = (account) =>
  h(
    "dl",
    { class: "facts" },
    [
      [t("email"), written(account.email)],
      [t("full-name"), account.full_name ? written(account.full_name) : t("admin.unnamed")],
      account.pending_email && [t("admin.pending"), written(account.pending_email)],
      [t("mail-language"), account.locale === "ru" ? "Русский" : "English"],
      [t("admin.since"), when(account.created_at)],
      ["Id", h("code", {}, account.id)],
    ]
      .filter(Boolean)
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

// Each change: its word, whether it is offered, what is sent, and what is asked before.
const CHANGES = [
  ["confirm-address", (a) => !a.is_verified, { is_verified: true }, null, "address-confirmed", "primary"],
  ["activate", (a) => !a.is_active, { is_active: true }, null, "activated", "primary"],
  ["promote", (a, own) => !a.is_superuser && a.is_active && !own, { is_superuser: true }, "promote", "promoted", "quiet"],
  ["demote", (a, own) => a.is_superuser && !own, { is_superuser: false }, "demote", "demoted", "quiet danger"],
  ["deactivate", (a, own) => a.is_active && !own, { is_active: false }, "deactivate", "deactivated", "quiet danger"],
];

function actions(view) {
  const { account, user } = view;
  const offered = CHANGES.filter(([, isOffered]) => isOffered(account, account.id === user.id));
  return [
    ...offered.map((change) => changeButton(view, change)),
    h("a", { class: "button quiet", href: `/admin/events?organizer=${account.id}` }, t("admin.their-events")),
  ];
}

function changeButton(view, [word, , body, question, done, className]) {
  const { email, id } = view.account;
  const work = async () => {
    if (question) {
      const words = { title: t(`admin.${question}-ask`), text: t(`admin.${question}-text`, { email }) };
      const kind = className.includes("danger") ? "danger" : "";
      if (!(await ask({ ...words, yes: t(`admin.${word}`), no: t("not-yet"), kind }))) return;
    }
    view.account = await api("PATCH", `/users/${id}`, { body });
    toast(t(`admin.${done}`, { email }), "good");
    await redraw(view);
  };
  return actionButton(t(`admin.${word}`), className, work, failed);
}

/** The button that had the focus may be gone. */
async function redraw(view) {
  await draw(view);
  const heading = view.node.querySelector("h1");
  heading.tabIndex = -1;
  heading.focus();
}

async function sessions(view) {
  const url = `/users/${view.account.id}/sessions`;
  const list = h("ul", { class: "rows" });
  const none = h("p", { class: "hint", role: "status" });
  const everywhere = actionButton(t("admin.end-all"), "quiet small", () => endAll(view, url), failed);
  const changed = () => {
    everywhere.hidden = !list.children.length;
    none.textContent = everywhere.hidden ? t("admin.no-sessions") : "";
  };
  const load = (cursor) => get(url + search({ cursor, limit: SHOWN }), { signal: view.signal });
  const drawOne = (session) => sessionLine(session, url, changed);
  return h(
    "section",
    {},
    h("div", { class: "title-line" }, h("h2", { tabindex: -1 }, t("admin.sessions")), everywhere),
    none,
    await pagedList({ list, load, draw: drawOne, changed }),
  );
}

async function endAll(view, url) {
  const words = { title: t("admin.end-all-ask"), text: t("admin.end-all-text"), yes: t("admin.end-all"), no: t("not-yet") };
  if (!(await ask(words))) return;
  await api("DELETE", url);
  toast(t("admin.ended"), "good");
  await redraw(view);
}

function sessionLine(session, url, changed) {
  const { browser, system, address } = session;
  const named = browser && system ? t("admin.session", { browser, system }) : browser || system;
  const device = named || session.user_agent || t("admin.unknown-device");
  const line = h(
    "li",
    {},
    h(
      "div",
      {},
      h("p", { dir: "auto" }, device),
      h("p", { class: "hint" }, t("admin.session-line", { address, when: when(session.last_used_at) })),
    ),
  );
  const end = async () => {
    await api("DELETE", `${url}/${session.id}`);
    const heading = line.closest("section").querySelector("h2");
    line.remove();
    changed();
    toast(t("admin.ended"), "good");
    heading.focus();
  };
  const button = actionButton(t("admin.end-session"), "quiet small", end, failed);
  button.setAttribute("aria-label", t("admin.end-session-of", { device }));
  line.append(button);
  return line;
}

async function audit({ account, signal }) {
  const body = h("tbody", {});
  const table = h(
    "div",
    { class: "table-scroll", role: "region", tabindex: 0, "aria-label": t("admin.audit") },
    h("table", {}, h("thead", {}, h("tr", {}, ["time", "audit", "from", "by"].map(heading))), body),
  );
  const load = (cursor) => get(`/users/${account.id}/audit-events${search({ cursor, limit: SHOWN })}`, { signal });
  const [, more] = await pagedList({ list: body, load, draw: (event) => auditRow(event, account) });
  const shown = body.children.length ? [table, more] : h("p", { class: "hint" }, t("admin.no-audit"));
  return h("section", {}, h("h2", {}, t("admin.audit")), shown);
}

const heading = (word) => h("th", { scope: "col" }, t(`admin.${word}`));

const auditRow = (event, account) =>
  h(
    "tr",
    {},
    h("td", {}, when(event.occurred_at)),
    h("td", {}, known(`audit.${event.action}`, event.action), details(event.details)),
    h("td", { class: "guest-cell" }, event.address),
    h("td", {}, actor(event.actor, account)),
  );

const known = (key, other) => (has(key) ? t(key) : other);

function details(values) {
  const told = Object.entries(values).map(([name, value]) => {
    const word = known(`field.${name}`, name);
    if (value === null) return word;
    return `${word}: ${typeof value === "boolean" ? t(value ? "admin.yes" : "admin.no") : value}`;
  });
  return told.length > 0 && h("p", { class: "hint" }, told.join(", "));
}

function actor(by, account) {
  if (!by || by === account.id) return t("admin.by-themselves");
  if (by.startsWith("command:")) return t("admin.by-command");
  return h("a", { href: `/admin/users/${by}` }, t("admin.by-superuser"));
}
