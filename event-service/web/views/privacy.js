// What is stored and whom to write to, as the settings say. The server has written it into the page already,
// for readers without JavaScript; here it is in the language that was chosen.
import { get } from "../api.js";
import { h } from "../dom.js";
import { language, t } from "../language.js";

export async function render({ path, signal }) {
  const note = await get(`/privacy?locale=${language}`, { signal, isPublic: true });
  const heading = h("h2", { tabindex: -1 }, t("contact"));
  const node = h(
    "div",
    { class: "form-page note" },
    h("h1", {}, t("privacy")),
    note.blocks.map(block),
    heading,
    contact(note),
  );
  if (path !== "/contact") return { title: t("privacy"), node };
  const shown = () => {
    heading.focus();
    heading.scrollIntoView();
  };
  return { title: t("contact"), node, shown };
}

function block({ kind, texts }) {
  if (kind === "heading") return h("h2", { dir: "auto" }, texts[0]);
  if (kind === "paragraph") return h("p", { dir: "auto" }, texts[0]);
  return h("ul", {}, texts.map((text) => h("li", { dir: "auto" }, text)));
}

function contact({ operator, contact_email: email }) {
  if (!operator.length && !email) return h("p", {}, t("contact-unknown"));
  return h(
    "address",
    {},
    operator.map((line) => h("p", { dir: "auto" }, line)),
    email && h("p", {}, h("a", { href: `mailto:${email}` }, email)),
  );
}
