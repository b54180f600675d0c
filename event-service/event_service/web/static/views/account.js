// One's own account: name, language of mails, password, where one is signed in.
import { api, forgetSession, get, post } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { dateAndTime } from "../format.js";
import { t } from "../language.js";
import { actionButton, alert, explain, field, form } from "../parts.js";
import { forgetAccount, whoAmI } from "../session.js";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const quietly = (problem) => {
  if (problem.name === "AbortError") throw problem;
  return null;
};

export async function render({ signal, go }) {
  const [user, sessions, preferences] = await Promise.all([
    whoAmI(),
    get("/users/me/sessions", { signal }).catch(quietly),
    get("/notifications/preferences", { signal }).catch(quietly),
  ]);
  if (!user) {
    go("/sign-in?next=/account");
    throw new DOMException("", "AbortError");
  }
  const node = h(
    "div",
    { class: "narrow" },
    h("h1", {}, t("account")),
    h("p", { class: "lead" }, user.email),
    !user.is_verified && unverified(user),
    profile(user),
    preferences && reminders(preferences),
    passwordForm(),
    sessions && sessionList(sessions.items ?? sessions),
    erasure(go),
  );
  return { title: t("account"), node };
}

function unverified(user) {
  const place = h("div", { class: "hold" }, h("p", {}, t("not-verified")));
  place.append(
    actionButton(
      t("send-again"),
      "primary",
      async () => {
        await post("/auth/request-verify-token", { email: user.email });
        place.replaceChildren(h("p", { role: "status" }, t("mail-sent", { email: user.email })));
      },
      (problem) => place.append(alert(explain(problem))),
    ),
  );
  return place;
}

function profile(user) {
  const language = h(
    "select",
    { name: "locale" },
    [
      ["en", "English"],
      ["ru", "Русский"],
    ].map(([value, label]) => h("option", { value, selected: value === user.locale }, label)),
  );
  return form({
    fields: [
      field({
        label: t("full-name"),
        name: "full_name",
        value: user.full_name,
        autocomplete: "name",
        maxlength: 200,
      }),
      field({ label: t("mail-language"), name: "locale", control: language }),
    ],
    submit: t("save"),
    done: async (values) => {
      await api("PATCH", "/users/me", { body: values });
      forgetAccount();
      toast(t("saved"), "good");
    },
  });
}

function reminders(preferences) {
  const box = h("input", { type: "checkbox", checked: preferences.event_reminders });
  box.addEventListener("change", async () => {
    try {
      await api("PUT", "/notifications/preferences", { body: { event_reminders: box.checked } });
      toast(t("saved"), "good");
    } catch (problem) {
      box.checked = !box.checked;
      toast(explain(problem), "bad");
    }
  });
  return h("label", { class: "check" }, box, t("reminders"));
}

function passwordForm() {
  const current = field({
    label: t("current-password"),
    name: "current_password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  const fresh = field({
    label: t("new-password"),
    name: "password",
    type: "password",
    autocomplete: "new-password",
    required: true,
    minlength: 10,
    maxlength: 128,
    hint: t("password-hint"),
  });
  return h(
    "details",
    {},
    h("summary", {}, t("change-password")),
    form({
      fields: [current, fresh],
      submit: t("change-password"),
      done: async (values, element) => {
        await api("PATCH", "/users/me", { body: values });
        element.reset();
        toast(t("password-set"), "good");
      },
    }),
  );
}

function sessionList(sessions) {
  const item = (session) => {
    const element = h(
      "li",
      {},
      h(
        "div",
        {},
        h("p", {}, session.user_agent || session.kind),
        h(
          "p",
          { class: "hint" },
          session.is_current
            ? t("this-session")
            : t("last-seen", { when: dateAndTime(session.last_used_at ?? session.created_at, HERE) }),
        ),
      ),
    );
    if (!session.is_current) {
      element.append(
        actionButton(
          t("sign-out"),
          "quiet small",
          async () => {
            await api("DELETE", `/users/me/sessions/${session.id}`);
            element.remove();
          },
          (problem) => toast(explain(problem), "bad"),
        ),
      );
    }
    return element;
  };
  return h("details", {}, h("summary", {}, t("sessions")), h("ul", { class: "rows" }, sessions.map(item)));
}

function erasure(go) {
  const password = field({
    label: t("current-password"),
    name: "current_password",
    type: "password",
    autocomplete: "current-password",
    required: true,
  });
  return h(
    "details",
    {},
    h("summary", {}, t("erase")),
    h("p", {}, t("erase-text")),
    form({
      fields: [password],
      submit: t("erase"),
      done: async (values) => {
        if (!(await ask({ title: t("erase-ask"), text: t("erase-text"), yes: t("erase"), no: t("keep") })))
          return;
        await api("DELETE", "/users/me", { body: values });
        toast(t("erased"));
        forgetSession();
        go("/");
      },
    }),
  );
}
