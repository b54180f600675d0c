// Mails that could not be sent: why, and another attempt, for one or for all that are shown.
import { failed, pagedList, when } from "../admin-parts.js";
import { api, get, query as search } from "../api.js";
import { h, toast } from "../dom.js";
import { has, t } from "../language.js";
import { actionButton, empty } from "../parts.js";

const SHOWN = 50;

export async function render({ signal }) {
  const load = (cursor) => get(`/notifications/failures${search({ cursor, limit: SHOWN })}`, { signal });
  const list = h("ul", { class: "admin-list" });
  const rest = h("div", {});
  const all = h("div", { class: "actions" });
  const changed = () => {
    const ids = retryable(list);
    // What says how many there are is made anew with their number.
    const button = actionButton(t("admin.retry-shown", { n: ids.length }), "primary", () => retryAll(list, changed), failed);
    all.replaceChildren(...(ids.length ? [button] : []));
    const nothing = empty(t("admin.no-failures"), t("admin.no-failures-hint"));
    rest.replaceChildren(list.children.length ? h("p", {}, t("admin.failures-hint")) : nothing);
  };
  const node = h(
    "div",
    {},
    h("h1", { tabindex: -1 }, t("admin.failures")),
    rest,
    all,
    await pagedList({ list, load, draw: (failure) => line(failure, changed), changed }),
  );
  return { title: t("admin.failures"), node };
}

const nameOf = (kind) => (has(`kind.${kind}`) ? t(`kind.${kind}`) : kind);

const retryable = (list) => [...list.querySelectorAll("li[data-id]")];

function line(failure, changed) {
  const mayRetry = failure.user_id !== null;
  const recipient = mayRetry
    ? h("a", { href: `/admin/users/${failure.user_id}` }, t("admin.recipient"))
    : t("admin.no-recipient");
  const element = h(
    "li",
    { data: mayRetry ? { id: failure.id } : {} },
    h(
      "div",
      {},
      h("h2", {}, nameOf(failure.kind)),
      h("p", { class: "reason", dir: "auto" }, failure.error),
      h("p", { class: "hint" }, when(failure.at), " · ", t("admin.attempts", { n: failure.attempts }), " · ", recipient),
    ),
  );
  if (!mayRetry) return element;
  const work = async () => {
    await retry(element);
    told(1);
    moveOn(element, changed);
  };
  const button = actionButton(t("admin.retry"), "quiet small", work, failed);
  button.setAttribute("aria-label", t("admin.retry-it", { kind: nameOf(failure.kind) }));
  element.append(button);
  return element;
}

const retry = (element) => api("POST", `/notifications/failures/${element.dataset.id}/retry`);

const told = (n) => toast(t("admin.retried", { n }), "good");

/** The focus goes to the next mail's button, or to the heading. */
function moveOn(element, changed) {
  const next = (element.nextElementSibling ?? element.previousElementSibling)?.querySelector("button");
  const heading = element.closest(".admin").querySelector("h1");
  element.remove();
  changed();
  (next ?? heading).focus();
}

/** One after the other, so that a limit or a failure in the midst leaves no doubt what was done. */
async function retryAll(list, changed) {
  const heading = list.closest(".admin").querySelector("h1");
  let n = 0;
  try {
    for (const element of retryable(list)) {
      await retry(element);
      element.remove();
      n += 1;
    }
  } finally {
    if (n) told(n);
    changed();
    heading.focus();
  }
}
