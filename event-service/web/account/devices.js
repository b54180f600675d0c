// Where somebody is signed in, in words that tell the own telephone from a stranger's.
import { api, get, query as search } from "../api.js";
import { h, toast } from "../dom.js";
import { t } from "../language.js";
import { actionButton, explain } from "../parts.js";
import { signOut } from "../session.js";
import { dayAndTime, zoneHere } from "../when.js";

const failed = (problem) => toast(explain(problem), "bad");

export const loadDevices = (signal, cursor) => get(`/users/me/sessions${search({ cursor })}`, { signal });

/** `first` is a page of sessions. */
export function devices(first, signal, go) {
  const list = h("ul", { class: "rows devices" }, first.items.map(row));
  const more = h("div", {});
  const drawMore = (cursor) => {
    const load = async () => {
      const page = await loadDevices(signal, cursor);
      list.append(...page.items.map(row));
      drawMore(page.next_cursor);
    };
    more.replaceChildren(cursor ? actionButton(t("more"), "quiet small", load, failed) : "");
  };
  drawMore(first.next_cursor);
  const hasOthers = first.next_cursor || first.items.some((session) => !session.is_current);
  return h(
    "details",
    {},
    h("summary", {}, t("sessions")),
    h("p", { class: "hint" }, t("sessions-hint", { zone: zoneHere() })),
    list,
    more,
    h("div", { class: "actions" }, hasOthers && elsewhere(list, more), everywhere(go)),
  );
}

/** "Firefox on Android", or as much of it as the device says. */
export function nameOf({ browser, system, kind }) {
  if (browser && system) return t("device", { browser, system });
  return browser ?? system ?? t(kind === "token" ? "device-program" : "device-unknown");
}

function row(session) {
  const lastUsed = t("last-seen", { when: dayAndTime(session.last_used_at) });
  const begun = t("signed-in-at", { when: dayAndTime(session.created_at), address: session.address });
  const name = nameOf(session);
  const element = h(
    "li",
    { class: session.is_current ? "current" : null },
    h(
      "div",
      {},
      h("p", { class: "device", title: session.user_agent }, name, session.is_current && ` · ${t("this-session")}`),
      h("p", { class: "hint" }, session.is_current ? begun : `${lastUsed} · ${begun}`),
    ),
  );
  if (session.is_current) return element;
  const work = async () => {
    await api("DELETE", `/users/me/sessions/${session.id}`);
    toast(t("signed-out-device", { device: name }));
    const next = element.nextElementSibling ?? element.previousElementSibling;
    element.remove();
    next?.querySelector("button")?.focus();
  };
  const button = actionButton(t("sign-out"), "quiet small", work, failed);
  button.setAttribute("aria-label", `${t("sign-out")}: ${name}, ${lastUsed}`);
  element.append(button);
  return element;
}

function elsewhere(list, more) {
  const work = async () => {
    await api("DELETE", "/users/me/sessions");
    for (const other of list.querySelectorAll("li:not(.current)")) other.remove();
    more.replaceChildren();
    button.remove();
    toast(t("signed-out-others"), "good");
  };
  const button = actionButton(t("sign-out-others"), "quiet", work, failed);
  return button;
}

const everywhere = (go) =>
  actionButton(
    t("sign-out-everywhere"),
    "quiet",
    async () => {
      await api("DELETE", "/users/me/sessions");
      await signOut();
      toast(t("signed-out-everywhere"), "good");
      go("/");
    },
    failed,
  );
