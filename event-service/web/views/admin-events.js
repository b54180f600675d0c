// Events of everybody in every status: found, published, cancelled, opened at their desk.
import { failed, pagedList, searchForm } from "../admin-parts.js";
import { get, post, query as search, serverNow } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { count, deadline } from "../format.js";
import { t } from "../language.js";
import { actionButton, badge, field, titleOf, venueOf } from "../parts.js";

const SHOWN = 20;
const STATUSES = { draft: "plain", published: "good", cancelled: "bad" };

export async function render({ query, signal, go }) {
  const asked = Object.fromEntries(["q", "status", "organizer"].map((name) => [name, query.get(name)]));
  const load = (cursor) => get(`/events/all${search({ ...asked, cursor, limit: SHOWN })}`, { signal });
  const list = h("ul", { class: "admin-list" });
  const none = h("p", { class: "hint", role: "status" });
  const changed = () => {
    none.textContent = list.children.length ? "" : t("admin.no-events");
  };
  const node = h(
    "div",
    {},
    h("h1", {}, t("admin.events")),
    searchForm({
      label: t("admin.find-event"),
      path: "/admin/events",
      query,
      go,
      more: [statusSelect(asked.status), asked.organizer && h("input", { type: "hidden", name: "organizer", value: asked.organizer })],
    }),
    asked.organizer &&
      h("p", { class: "hint" }, t("admin.of-person"), " ", h("a", { href: "/admin/events" }, t("admin.of-all"))),
    none,
    await pagedList({ list, load, draw: (event) => line(event), changed }),
  );
  return { title: t("admin.events"), node };
}

const statusSelect = (chosen) =>
  h(
    "select",
    { name: "status", "aria-label": t("status") },
    h("option", { value: "" }, t("admin.any-status")),
    Object.keys(STATUSES).map((status) =>
      h("option", { value: status, selected: status === chosen }, t(`status.${status}`)),
    ),
  );

/** `before` is the line that this one stands for now. */
function line(event, before) {
  const element = h(
    "li",
    {},
    h(
      "div",
      {},
      h("h2", { dir: "auto", tabindex: -1 }, titleOf(event)),
      h("p", {}, deadline(event.starts_at, event.timezone), " · ", venueOf(event)),
      h(
        "p",
        { class: "hint" },
        t("admin.taken", { sold: count(event.capacity - event.seats_available), capacity: count(event.capacity) }),
        " · ",
        h("a", { href: `/admin/users/${event.organizer_id}` }, event.organizer_name || t("admin.organizer")),
      ),
    ),
    h("p", { class: "badges" }, badge(t(`status.${event.status}`), STATUSES[event.status])),
    h("div", { class: "actions" }, actions(event, (after) => replace(element, after))),
  );
  if (before) before.replaceWith(element);
  return element;
}

/** The button that had the focus is gone. */
const replace = (element, after) => line(after, element).querySelector("h2").focus();

function actions(event, become) {
  const isOver = Date.parse(event.ends_at) <= serverNow();
  const title = titleOf(event);
  const named = (button, word) => {
    button.setAttribute("aria-label", t(word, { title }));
    return button;
  };
  const publish = async () => {
    become(await post(`/events/${event.id}/publish`));
    toast(t("published"), "good");
  };
  return [
    h("a", { class: "button quiet small", href: `/my-events/${event.id}` }, t("admin.desk")),
    event.status !== "draft" && h("a", { class: "button quiet small", href: `/events/${event.id}` }, t("to-event")),
    event.status === "draft" &&
      !isOver &&
      named(actionButton(t("publish"), "quiet small", publish, failed), "admin.publish-it"),
    event.status === "published" &&
      !isOver &&
      named(actionButton(t("cancel-event"), "quiet danger small", () => cancel(event, become), failed), "admin.cancel-it"),
  ];
}

async function cancel(event, become) {
  const { guests } = await post(`/events/${event.id}/cancel/preview`);
  const reason = field({ label: t("reason"), name: "reason", rows: 4, maxlength: 500, hint: t("reason-hint") });
  const sure = await ask({
    title: t("cancel-event-ask"),
    text: t("admin.cancel-guests", { n: guests }),
    yes: t("cancel-event"),
    no: t("keep"),
    content: [h("p", {}, h("strong", { dir: "auto" }, titleOf(event))), reason],
  });
  if (!sure) return;
  const words = reason.input.value.trim();
  become({ ...event, ...(await post(`/events/${event.id}/cancel`, words ? { reason: words } : {})) });
  toast(t("admin.event-cancelled"), "good");
}
