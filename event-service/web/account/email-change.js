// A new address: it counts once the link that is mailed there was used.
import { api } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { t } from "../language.js";
import { ASK_AGAIN, mailAgain } from "../mail-again.js";
import { actionButton, explain, form } from "../parts.js";
import { currentPassword, withUsername } from "../password-field.js";
import { forgetAccount } from "../session.js";
import { email } from "../views/auth-forms.js";

/** Draws itself anew with the profile that the service answers. */
export function emailChange(user) {
  const place = h("div", {});
  const draw = (profile) => place.replaceChildren(...(profile.pending_email ? [pending(profile, changed)] : []), change(profile, changed));
  const changed = (profile) => {
    forgetAccount();
    draw(profile);
  };
  draw(user);
  return place;
}

function change(user, changed) {
  const address = email("", { label: t("new-email"), autocomplete: "email", current: user.email });
  const done = async (values) => {
    try {
      changed(await api("PATCH", "/users/me", { body: values }));
    } catch (problem) {
      if (problem.code !== "email-taken") throw problem;
      address.mistake(t("address-gone"));
      address.input.focus();
      return;
    }
    toast(t("email-asked", { email: values.email.trim() }), "good");
  };
  return h(
    "details",
    {},
    h("summary", {}, t("change-email")),
    h("p", {}, t("change-email-text", { email: user.email })),
    form({ ...withUsername(user.email, [address, currentPassword()]), submit: t("change-email"), done }),
  );
}

function pending(user, changed) {
  const keep = actionButton(
    t("keep-email"),
    "quiet small",
    () => keepAddress(user, changed),
    (problem) => toast(explain(problem), "bad"),
  );
  return h(
    "div",
    { class: "notice pending", dir: "auto" },
    h("p", {}, t("email-pending", { email: user.pending_email, before: user.email })),
    h("div", { class: "actions" }, mailAgain({ path: ASK_AGAIN, email: user.email, since: Date.parse(user.updated_at) }), keep),
  );
}

async function keepAddress(user, changed) {
  const password = currentPassword();
  const mayAgree = () => {
    const isTyped = password.input.value !== "";
    password.mistake(isTyped ? "" : t("invalid.missing"));
    return isTyped;
  };
  const words = { title: t("keep-email-ask"), text: t("keep-email-text", { email: user.email }), yes: t("keep-email"), no: t("not-now") };
  if (!(await ask({ ...words, content: password, kind: "", mayAgree }))) return;
  const body = { email: user.email, current_password: password.input.value };
  changed(await api("PATCH", "/users/me", { body }));
  toast(t("email-kept"), "good");
}
