// What a phone shows that opens no door: what it may do about it, and which scans it still has.
import { isSignedIn } from "../api.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import { field, form, placeName } from "../parts.js";
import { linkToken } from "./codes.js";
import { isAway } from "./key.js";

function reason(key, problem, outbox) {
  if (isAway(problem)) return t("door.away");
  return outbox.scans.length || problem.code !== "not-authenticated" || problem.detail
    ? t("door.closed")
    : t("door.no-link");
}

export function closedView({ eventId, key, outbox, problem }) {
  const link = field({
    label: t("door.paste"),
    name: "link",
    hint: t("door.paste-hint"),
    autocomplete: "off",
    inputmode: "url",
    required: true,
    check: (text) => linkToken(text, eventId) === null && t("door.paste-wrong"),
  });
  const paste = form({
    fields: [link],
    submit: t("door.open"),
    done: async (values) => {
      await key.keep(linkToken(values.link, eventId));
      location.reload();
    },
  });
  const next = encodeURIComponent(location.pathname);
  return h(
    "section",
    { class: "closed-door" },
    h("h1", {}, t("door.closed-title")),
    h("p", { role: "status" }, reason(key, problem, outbox)),
    isAway(problem) && h("button", { class: "primary", onclick: () => location.reload() }, t("try-again")),
    unsent(outbox.waiting),
    !isAway(problem) && paste,
    !isSignedIn() && !isAway(problem) && h("p", {}, h("a", { href: `/sign-in?next=${next}` }, t("door.sign-in"))),
  );
}

function unsent(scans) {
  if (!scans.length) return null;
  const line = (scan) => h("li", {}, scan.target.ticket_code ?? placeName(scan.seat));
  return h(
    "div",
    { class: "alert", role: "alert" },
    h("p", {}, t("door.unsent", { n: scans.length })),
    h("p", {}, t("door.unsent-hint")),
    h("ul", {}, scans.map(line)),
  );
}
