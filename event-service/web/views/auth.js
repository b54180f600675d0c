// Coming in: sign in, register, and what the links in mails lead to.
import { ownAddress } from "../addresses.js";
import { api, post, Problem } from "../api.js";
import { h, toast } from "../dom.js";
import { language, t } from "../language.js";
import { FORGOT } from "../mail-again.js";
import { actionButton, alert, explain, field, form } from "../parts.js";
import { newPassword, passwordField } from "../password-field.js";
import { signIn, whoAmI } from "../session.js";
import { addStyles } from "../styles.js";
import { forgetToken, linkToken } from "../link-token.js";
import { confirmAddress } from "./confirm-address.js";
import { email, mailForm, narrow } from "./auth-forms.js";

export async function render(context) {
  const name = context.path.slice(1);
  const views = { "sign-in": signInView, register, verify: confirmAddress, forgot, reset, unsubscribe };
  await addStyles("account.css");
  return views[name](context);
}

/** Only a place in this page: an address given from outside must not lead elsewhere. */
function next(query) {
  const target = ownAddress(query.get("next"));
  return target && !target.startsWith("/sign-in") ? target : "/";
}

const withNext = (path, query) =>
  query.has("next") ? `${path}?next=${encodeURIComponent(next(query))}` : path;

function signInView({ query, go }) {
  const password = passwordField({ label: t("password"), autocomplete: "current-password" });
  return narrow(
    t("sign-in"),
    form({
      fields: [email(query.get("email") ?? ""), password],
      submit: t("sign-in"),
      done: async (values) => {
        await signIn(values.email, values.password);
        go(next(query), { replace: true });
      },
    }),
    h(
      "p",
      { class: "aside-links" },
      h("a", { href: withNext("/register", query) }, t("register")),
      h("a", { href: "/forgot" }, t("forgot")),
    ),
  );
}

function register({ query, go }) {
  const name = field({
    label: t("full-name"),
    name: "full_name",
    autocomplete: "name",
    maxlength: 200,
    hint: t("full-name-hint"),
  });
  return narrow(
    t("register"),
    form({
      fields: [name, email(), newPassword()],
      submit: t("register"),
      done: async (values) => {
        await post("/auth/register", { ...values, locale: language }, { isPublic: true });
        try {
          await signIn(values.email, values.password);
        } catch (problem) {
          throw problem.code === "cookies-blocked" ? new Problem("made-without-cookies", 0) : problem;
        }
        toast(t("registered"), "good");
        go(next(query), { replace: true });
      },
    }),
    h("p", { class: "aside-links" }, h("a", { href: withNext("/sign-in", query) }, t("have-account"))),
  );
}

function forgot() {
  return narrow(t("forgot"), h("p", {}, t("forgot-hint")), mailForm(FORGOT, t("send-link")));
}

async function reset({ fragment, go }) {
  const token = linkToken("reset", fragment);
  const title = t("set-password");
  if (!token) return narrow(title, alert(t("link-missing")), mailForm(FORGOT, t("send-link")));
  const user = await whoAmI().catch(() => null);
  const place = h("div", {});
  place.append(
    h("p", {}, t("set-password-hint")),
    ...(user ? [h("p", { class: "hint" }, t("reset-signed-in", { email: user.email }))] : []),
    form({
      fields: [newPassword()],
      submit: t("save"),
      done: async (values) => {
        try {
          await post("/auth/reset-password", { token, password: values.password }, { isPublic: true });
        } catch (problem) {
          if (problem.code !== "bad-token") throw problem;
          forgetToken("reset");
          place.replaceChildren(alert(t("link-ended")), mailForm(FORGOT, t("send-link")));
          return;
        }
        forgetToken("reset");
        toast(t("password-set"), "good");
        go("/sign-in");
      },
    }),
    h("p", { class: "aside-links" }, h("a", { href: "/forgot" }, t("send-again"))),
  );
  return narrow(title, place);
}

/** On a button: programs that look at links before people do must not unsubscribe anybody. */
function unsubscribe({ fragment }) {
  const token = linkToken("unsubscribe", fragment);
  const title = t("unsubscribe");
  if (!token) return narrow(title, alert(t("link-missing")));
  const place = h("div", {}, h("p", {}, t("unsubscribe-text")));
  const problems = h("div", {});
  place.append(
    actionButton(
      t("unsubscribe"),
      "primary",
      async () => {
        await api("POST", `/notifications/unsubscribe/${encodeURIComponent(token)}`, { isPublic: true });
        forgetToken("unsubscribe");
        place.replaceChildren(h("p", { class: "good-news", role: "status" }, t("unsubscribed")));
      },
      (problem) => {
        const isWrong = problem.status === 404 || problem.status === 422;
        problems.replaceChildren(alert(isWrong ? t("unsubscribe-wrong") : explain(problem)));
      },
    ),
    problems,
  );
  return narrow(title, place);
}
