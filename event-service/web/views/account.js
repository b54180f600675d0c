// One's own account: name and languages, address, password, devices, data, the end of it.
import { api, get } from "../api.js";
import { h, toast, written } from "../dom.js";
import { t } from "../language.js";
import { explain, form } from "../parts.js";
import { currentPassword, newPassword, withUsername } from "../password-field.js";
import { whoAmI } from "../session.js";
import { addStyles } from "../styles.js";
import { devices, loadDevices } from "../account/devices.js";
import { emailChange } from "../account/email-change.js";
import { erasure } from "../account/erasure.js";
import { ownData } from "../account/own-data.js";
import { profile } from "../account/profile.js";

const quietly = (problem) => {
  if (problem.name === "AbortError") throw problem;
  return null;
};

export async function render({ signal, go }) {
  const [user, sessions, preferences] = await Promise.all([
    whoAmI(),
    loadDevices(signal).catch(quietly),
    get("/notifications/preferences", { signal }).catch(quietly),
    addStyles("account.css"),
  ]);
  if (!user) {
    go("/sign-in?next=/account");
    throw new DOMException("", "AbortError");
  }
  const node = h(
    "div",
    { class: "narrow account" },
    h("h1", {}, t("account")),
    h("p", { class: "lead" }, written(user.email)),
    profile(user),
    preferences ? reminders(preferences) : away(t("reminders")),
    emailChange(user),
    passwordForm(user),
    sessions ? devices(sessions, signal, go) : away(t("sessions")),
    ownData(),
    erasure(user, go),
  );
  return { title: t("account"), node };
}

/** In the place of what another service does not tell now. */
const away = (what) => h("p", { class: "hint" }, t("part-away", { what }));

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

const passwordForm = (user) =>
  h(
    "details",
    {},
    h("summary", {}, t("change-password")),
    h("p", {}, t("set-password-hint")),
    form({
      ...withUsername(user.email, [currentPassword(), newPassword()]),
      submit: t("change-password"),
      done: async (values, element) => {
        await api("PATCH", "/users/me", { body: values });
        element.reset();
        toast(t("password-set"), "good");
      },
    }),
  );
