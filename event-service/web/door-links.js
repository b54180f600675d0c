// The organizer's part of the door: links for helpers, given out and withdrawn, and tickets scanned twice.
import "./door/words.js";
import { api, get, post } from "./api.js";
import { ask, h, toast, written } from "./dom.js";
import { clock, dateAndTime } from "./format.js";
import { t } from "./language.js";
import { addStyles } from "./styles.js";
import { actionButton, alert, badge, explain, field, form, placeName } from "./parts.js";

const SHOWN = 50;

/** A section for an event that is published and not over; it loads by itself. */
export function doorLinks(event, signal) {
  addStyles("door-links.css");
  const problems = h("div", {});
  const list = h("ul", { class: "rows door-links" });
  const none = h("p", { class: "hint", role: "status" });
  const conflicts = h("div", {});
  const view = { event, signal, list, none, conflicts };
  view.failed = (problem) => problems.replaceChildren(alert(explain(problem)));
  const name = field({
    label: t("links.name"),
    name: "name",
    required: true,
    maxlength: 100,
    autocomplete: "off",
    hint: t("links.name-hint"),
  });
  const create = form({
    className: "form inline",
    fields: [name],
    submit: t("links.create"),
    done: async (values, element) => {
      const link = await post(`/events/${event.id}/door-links`, { name: values.name.trim() });
      element.reset();
      await Promise.all([loadLinks(view), showLink(link)]);
    },
  });
  load(view);
  return h(
    "section",
    { class: "door-links-part" },
    h("h3", {}, t("links.title")),
    h("p", {}, t("links.hint")),
    h("p", {}, h("a", { class: "button quiet", href: `/events/${event.id}/door` }, t("links.open"))),
    create,
    problems,
    list,
    none,
    conflicts,
  );
}

async function load(view) {
  try {
    await Promise.all([loadLinks(view), loadConflicts(view)]);
  } catch (problem) {
    if (problem.name !== "AbortError") view.failed(problem);
  }
}

async function loadLinks(view) {
  const { event, signal, list, none } = view;
  const { items } = await get(`/events/${event.id}/door-links?limit=${SHOWN}`, { signal });
  list.replaceChildren(...items.map((link) => row(link, view)));
  none.textContent = items.length ? "" : t("links.none");
}

function row(link, view) {
  const { timezone } = view.event;
  const used = link.last_used_at
    ? t("links.used", { time: dateAndTime(link.last_used_at, timezone) })
    : t("links.never");
  return h(
    "li",
    {},
    h("p", {}, h("strong", { dir: "auto" }, link.name), h("span", { class: "hint" }, " ", used)),
    link.withdrawn_at ? badge(t("links.withdrawn"), "plain") : withdrawButton(link, view),
  );
}

function withdrawButton(link, view) {
  const withdraw = async () => {
    const words = { title: t("links.withdraw-ask"), yes: t("links.withdraw"), no: t("keep") };
    if (!(await ask({ ...words, text: t("links.withdraw-text", { name: link.name }) }))) return;
    await api("DELETE", `/events/${view.event.id}/door-links/${link.id}`);
    await loadLinks(view);
  };
  const button = actionButton(t("links.withdraw"), "quiet small danger", withdraw, view.failed);
  button.setAttribute("aria-label", t("links.withdraw-of", { name: link.name }));
  return button;
}

/** Resolves when it is closed. The token in it is shown this once. */
function showLink({ name, url, qr_svg: svg }) {
  const picture = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
  const address = field({ label: t("links.address"), name: "url", value: url, readonly: true });
  address.input.addEventListener("focus", () => address.input.select());
  const dialog = h("dialog", { class: "ask door-link", "aria-labelledby": "door-link-title" });
  const close = h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, t("links.done"));
  dialog.append(
    h("h2", { id: "door-link-title" }, t("links.made", { name })),
    h("p", {}, t("links.once")),
    h("img", { src: picture, alt: t("links.qr"), width: 240, height: 240 }),
    address,
    h("div", { class: "actions" }, copyButton(address.input), shareButton(name, url), close),
  );
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      URL.revokeObjectURL(picture);
      dialog.remove();
      resolve();
    });
  });
}

function copyButton(input) {
  const copy = async () => {
    input.select();
    await navigator.clipboard.writeText(input.value);
    toast(t("links.copied"), "good");
  };
  // Where the clipboard is closed, the selected text is there to be copied by hand.
  return actionButton(t("links.copy"), "quiet", copy, () => input.focus());
}

function shareButton(name, url) {
  if (!navigator.share) return null;
  return actionButton(t("links.share"), "quiet", () => navigator.share({ title: name, url }), () => null);
}

async function loadConflicts({ event, signal, conflicts }) {
  const { items } = await get(`/events/${event.id}/door-conflicts?limit=${SHOWN}`, { signal });
  if (!items.length) return conflicts.replaceChildren();
  conflicts.replaceChildren(
    h("h4", {}, t("links.conflicts")),
    h("p", { class: "hint" }, t("links.conflicts-hint")),
    h("ul", { class: "rows" }, items.map((item) => h("li", {}, h("p", {}, conflictLine(item, event))))),
  );
}

function conflictLine({ guest_name: name, seat, first_door: first, door, scanned_at: at }, { timezone }) {
  const who = `${name ?? t("links.nameless")}, ${placeName(seat)}`;
  const organizer = t("links.by-organizer");
  return written(
    t("links.conflict", { who, first: first ?? organizer, door: door ?? organizer, time: clock(at, timezone) }),
  );
}
