// Coming in: sign in, register, and what the links in mails lead to.
import { api, post } from "../api.js";
import { h, toast } from "../dom.js";
import { language, t } from "../language.js";
import { actionButton, alert, explain, field, form } from "../parts.js";
import { forgetAccount, signIn } from "../session.js";

const MIN_PASSWORD = 10;
const MAX_PASSWORD = 128;

export async function render(context) {
  const name = context.path.slice(1);
  const views = { "sign-in": signInView, register, verify, forgot, reset, unsubscribe };
  return views[name](context);
}

function narrow(title, ...content) {
  return { title, node: h("div", { class: "narrow" }, h("h1", {}, title), content) };
}

const email = (value = "") =>
  field({
    label: t("email"),
    name: "email",
    type: "email",
    autocomplete: "username",
    required: true,
    value,
    maxlength: 254,
  });

const newPassword = () =>
  field({
    label: t("new-password"),
    name: "password",
    type: "password",
    autocomplete: "new-password",
    required: true,
    minlength: MIN_PASSWORD,
    maxlength: MAX_PASSWORD,
    hint: t("password-hint"),
  });

/** Only a place in this page: an address given from outside must not lead elsewhere. */
function next(query) {
  const target = query.get("next") ?? "/";
  return target.startsWith("/") && !target.startsWith("/sign-in") ? target : "/";
}

const withNext = (path, query) =>
  query.has("next") ? `#${path}?next=${encodeURIComponent(next(query))}` : `#${path}`;

function signInView({ query, go }) {
  const password = field({
    label: t("password"),
    name: "password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  return narrow(
    t("sign-in"),
    form({
      fields: [email(query.get("email") ?? ""), password],
      submit: t("sign-in"),
      done: async (values) => {
        await signIn(values.email, values.password);
        go(next(query));
      },
    }),
    h(
      "p",
      { class: "aside-links" },
      h("a", { href: withNext("/register", query) }, t("register")),
      h("a", { href: "#/forgot" }, t("forgot")),
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
        await post("/auth/register", { ...values, locale: language });
        await signIn(values.email, values.password);
        toast(t("registered"), "good");
        go(next(query));
      },
    }),
    h("p", { class: "aside-links" }, h("a", { href: withNext("/sign-in", query) }, t("have-account"))),
  );
}

/** On load and not on a button: the link in the mail was the button. Verifying twice harms nobody. */
async function verify({ query }) {
  try {
    const account = await post("/auth/verify", { token: query.get("token") ?? "" });
    forgetAccount();
    return narrow(t("verified"), h("p", {}, t("verified-text", { email: account.email })), toEvents());
  } catch (problem) {
    if (problem.code === "already-verified")
      return narrow(t("verified"), h("p", {}, explain(problem)), toEvents());
    if (!problem.status || problem.status >= 500) throw problem;
    return narrow(
      t("verify"),
      alert(explain(problem)),
      mailForm("/auth/request-verify-token", t("send-again")),
    );
  }
}

const toEvents = () =>
  h("p", { class: "actions" }, h("a", { href: "#/", class: "button primary" }, t("to-events")));

function mailForm(path, submit) {
  const place = h("div", {});
  place.append(
    form({
      fields: [email()],
      submit,
      done: async (values) => {
        await post(path, { email: values.email });
        place.replaceChildren(
          h("p", { class: "good-news", role: "status" }, t("mail-sent", { email: values.email })),
        );
      },
    }),
  );
  return place;
}

function forgot() {
  return narrow(t("forgot"), h("p", {}, t("forgot-hint")), mailForm("/auth/forgot-password", t("send-link")));
}

function reset({ query, go }) {
  return narrow(
    t("set-password"),
    h("p", {}, t("set-password-hint")),
    form({
      fields: [newPassword()],
      submit: t("save"),
      done: async (values) => {
        await post("/auth/reset-password", { token: query.get("token") ?? "", password: values.password });
        toast(t("password-set"), "good");
        go("/sign-in");
      },
    }),
    h("p", { class: "aside-links" }, h("a", { href: "#/forgot" }, t("send-again"))),
  );
}

/** On a button: programs that look at links before people do must not unsubscribe anybody. */
function unsubscribe({ query }) {
  const place = h("div", {}, h("p", {}, t("unsubscribe-text")));
  const token = encodeURIComponent(query.get("token") ?? "");
  place.append(
    actionButton(
      t("unsubscribe"),
      "primary",
      async () => {
        await api("POST", `/notifications/unsubscribe/${token}`);
        place.replaceChildren(h("p", { class: "good-news", role: "status" }, t("unsubscribed")));
      },
      (problem) => place.append(alert(explain(problem))),
    ),
  );
  return narrow(t("unsubscribe"), place);
}
