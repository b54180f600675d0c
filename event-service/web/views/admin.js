// What superusers look after: a frame around the parts, each loaded when it is opened.
import { Problem } from "../api.js";
import { h } from "../dom.js";
import { language, learn, t } from "../language.js";
import { whoAmI } from "../session.js";
import { addStyles } from "../styles.js";

// Path below /admin, word, module.
const PARTS = [
  ["", "admin.overview", () => import("./admin-overview.js")],
  ["users", "admin.users", () => import("./admin-users.js")],
  ["events", "admin.events", () => import("./admin-events.js")],
  ["failures", "admin.failures", () => import("./admin-failures.js")],
  ["previews", "admin.previews", () => import("./admin-previews.js")],
];
const loadUser = () => import("./admin-user.js");

export async function render(view) {
  const user = await whoAmI();
  if (!user) throw new Problem("not-authenticated", 401);
  // As for a page that does not exist: nobody else needs to know of it.
  if (!user.is_superuser) throw new Problem("not-found", 404);
  const [, , name = "", id, ...rest] = view.path.split("/");
  const part = PARTS.find(([path]) => path === name);
  const isUser = name === "users" && id;
  if (!part || rest.length || (id && !isUser)) throw new Problem("not-found", 404);
  const [words, module] = await Promise.all([
    language === "ru" ? import("../locales/admin/ru.js") : import("../locales/admin/en.js"),
    isUser ? loadUser() : part[2](),
    addStyles("admin.css"),
  ]);
  learn(words.default);
  const { title, node, shown } = await module.render({ ...view, id, user });
  return { title, node: h("div", { class: "admin" }, navigation(name), node), shown };
}

const navigation = (name) =>
  h(
    "nav",
    { class: "parts", "aria-label": t("admin.parts") },
    PARTS.map(([path, word]) =>
      h(
        "a",
        { href: path ? `/admin/${path}` : "/admin", "aria-current": path === name ? "page" : null },
        t(word),
      ),
    ),
  );
