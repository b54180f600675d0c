// What each kind of mail looks like, in both languages, with made-up data.
import { failed } from "../admin-parts.js";
import { get, urlOf } from "../api.js";
import { h } from "../dom.js";
import { has, language, t } from "../language.js";

const LANGUAGES = { en: "English", ru: "Русский" };

export async function render({ query, signal }) {
  const { kinds } = await get("/notifications/templates", { signal });
  const wanted = query.get("kind");
  const view = {
    signal,
    kind: select("kind", t("admin.kind"), kinds.map((kind) => [kind, nameOf(kind)]), kinds.includes(wanted) ? wanted : kinds[0]),
    locale: select("locale", t("admin.language"), Object.entries(LANGUAGES), query.get("locale") ?? language),
    form: select("form", t("admin.as-html"), [["html", t("admin.as-html")], ["text", t("admin.as-text")]], "html"),
    place: h("section", { class: "preview", "aria-live": "polite" }),
  };
  const selects = [view.kind, view.locale, view.form];
  for (const one of selects) one.addEventListener("change", () => choose(view).catch(failed));
  await show(view);
  const node = h(
    "div",
    {},
    h("h1", {}, t("admin.previews")),
    h("p", { class: "hint" }, t("admin.previews-hint")),
    h("form", { class: "search preview-choice" }, selects),
    view.place,
  );
  return { title: t("admin.previews"), node };
}

const nameOf = (kind) => (has(`kind.${kind}`) ? t(`kind.${kind}`) : kind);

const select = (name, label, options, chosen) =>
  h(
    "select",
    { name, "aria-label": label },
    options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)),
  );

/** A reload shows the same mail; Back leads to the view before. */
async function choose(view) {
  history.replaceState(history.state, "", `/admin/previews?kind=${view.kind.value}&locale=${view.locale.value}`);
  await show(view);
}

async function show({ kind, locale, form, place, signal }) {
  const path = `/notifications/templates/${kind.value}/preview?locale=${locale.value}`;
  const [wanted, asText] = [path, form.value === "text"];
  // Also renews the session, which the frame's own request cannot.
  const mail = await get(path, { signal });
  if (wanted !== `/notifications/templates/${kind.value}/preview?locale=${locale.value}`) return;
  const source = urlOf(`${path}&part=${asText ? "text" : "html"}`);
  place.replaceChildren(
    h("p", { class: "subject", lang: locale.value }, h("span", { class: "hint" }, t("admin.subject")), " ", h("strong", {}, mail.subject)),
    mail.attachments.length > 0 ? h("p", { class: "hint" }, t("admin.attachment")) : "",
    asText
      ? h("pre", { class: "mail-text", tabindex: 0, lang: locale.value, role: "region", "aria-label": t("admin.preview-of", { subject: mail.subject }) }, mail.text)
      : h("iframe", { class: "mail", title: t("admin.preview-of", { subject: mail.subject }), sandbox: "", src: source }),
    h("p", {}, h("a", { href: source, target: "_blank", rel: "noopener" }, t("admin.own-window"))),
  );
}
