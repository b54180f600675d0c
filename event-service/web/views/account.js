// One's own account: name, language of mails, password, where one is signed in.
import { forgetSession } from "../account-guard.js";
import { api, get } from "../api.js";
import { ask, h, toast, written } from "../dom.js";
import { dateAndTime } from "../format.js";
import { t } from "../language.js";
import { actionButton, explain, field, form } from "../parts.js";
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
    h("p", { class: "lead" }, written(user.email)),
    profile(user),
    preferences && reminders(preferences),
    passwordForm(),
    sessions && sessionList(sessions.items ?? sessions),
    erasure(go),
  );
  return { title: t("account"), node };
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
      { class: session.is_current ? "current" : null },
      h(
        "div",
        {},
        h("p", { dir: "auto" }, session.user_agent || session.kind),
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
  const list = h("ul", { class: "rows" }, sessions.map(item));
  const others = sessions.some((session) => !session.is_current) && everywhereElse(list);
  return h("details", {}, h("summary", {}, t("sessions")), list, others);
}

function everywhereElse(list) {
  const button = actionButton(
    t("sign-out-others"),
    "quiet",
    async () => {
      await api("DELETE", "/users/me/sessions");
      for (const other of list.querySelectorAll("li:not(.current)")) other.remove();
      button.remove();
      toast(t("signed-out-others"), "good");
    },
    (problem) => toast(explain(problem), "bad"),
  );
  return button;
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
