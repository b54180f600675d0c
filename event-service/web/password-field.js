// A password that can be looked at while it is typed.
import { h } from "./dom.js";
import { t } from "./language.js";
import { field } from "./parts.js";

const MIN_PASSWORD = 10;
const MAX_PASSWORD = 128;

/** As `field` of parts.js, with a button that shows what was typed. It is hidden again when it is sent. */
export function passwordField({ label, name = "password", ...more }) {
  const wrap = field({ label, name, type: "password", required: true, spellcheck: "false", ...more });
  const { input } = wrap;
  const button = h(
    "button",
    { type: "button", class: "reveal", "aria-label": t("show-password"), "aria-controls": input.id },
    t("show"),
  );
  const show = (isShown) => {
    input.type = isShown ? "text" : "password";
    button.textContent = t(isShown ? "hide" : "show");
    button.setAttribute("aria-label", t(isShown ? "hide-password" : "show-password"));
  };
  button.addEventListener("click", () => {
    // Browsers would offer to remember it as a text.
    input.form?.addEventListener("submit", () => show(false), { once: true });
    show(input.type === "password");
    input.focus();
  });
  const box = h("div", { class: "password" });
  input.before(box);
  box.append(input, button);
  return wrap;
}

export const currentPassword = () =>
  passwordField({ label: t("current-password"), name: "current_password", autocomplete: "current-password" });

export const newPassword = () =>
  passwordField({
    label: t("new-password"),
    autocomplete: "new-password",
    minlength: MIN_PASSWORD,
    maxlength: MAX_PASSWORD,
    hint: t("password-hint"),
  });

/** For `form`: its fields, and whose they are, for programs that keep passwords. */
export function withUsername(email, fields) {
  const whose = { type: "text", autocomplete: "username", value: email, hidden: true };
  return { fields, children: [h("input", whose), fields] };
}
