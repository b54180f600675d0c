// What the views of coming in have in common.
import { post } from "../api.js";
import { h } from "../dom.js";
import { t } from "../language.js";
import { mailAgain, noteMail } from "../mail-again.js";
import { field, form } from "../parts.js";

export function narrow(title, ...content) {
  return { title, node: h("div", { class: "narrow" }, h("h1", {}, title), content) };
}

// Signs that telephones write for an apostrophe, which no mail server takes for one.
const CURLY = /[\u2018\u2019\u201b\u02bc\u02b9\u2032\uff07\u00b4]/;

// No type="email": browsers judge by rules of their own, in a language of their own, and rewrite domains.
export const email = (value = "", { label = t("email"), autocomplete = "username", current } = {}) =>
  field({
    label,
    name: "email",
    inputmode: "email",
    autocapitalize: "none",
    spellcheck: "false",
    autocomplete,
    required: true,
    value,
    maxlength: 254,
    check: (typed) => {
      if (current && typed.trim().toLowerCase() === current.toLowerCase()) return t("email-same");
      const [sign] = CURLY.exec(typed) ?? [];
      return sign && t("mistaken.meant", { sign, meant: "'" });
    },
  });

/** Asks for an address, then says that a mail is on its way and when another can be asked for. */
export function mailForm(path, submit, address = "") {
  const place = h("div", {});
  place.append(
    form({
      fields: [email(address)],
      submit,
      done: async (values) => {
        const typed = values.email.trim();
        await post(path, { email: typed }, { isPublic: true });
        noteMail(path, typed);
        place.replaceChildren(
          h("p", { class: "good-news", role: "status" }, t("mail-sent", { email: typed })),
          h("p", { class: "hint" }, t("mail-late")),
          mailAgain({ path, email: typed }),
        );
      },
    }),
  );
  return place;
}
