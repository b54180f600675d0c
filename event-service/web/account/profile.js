// The name, and the languages: that of mails belongs to the account, that of the page to this browser.
import { api } from "../api.js";
import { h, toast } from "../dom.js";
import { choose, language, t } from "../language.js";
import { field, form } from "../parts.js";
import { forgetAccount } from "../session.js";

const LANGUAGES = [
  ["en", "English"],
  ["ru", "Русский"],
];

export function profile(user) {
  return form({
    fields: [
      field({ label: t("full-name"), name: "full_name", value: user.full_name, autocomplete: "name", maxlength: 200 }),
      languageField("mail-language", "locale", user.locale),
      languageField("page-language", "page", language, t("page-language-hint")),
    ],
    submit: t("save"),
    done: async ({ page, ...values }) => {
      await api("PATCH", "/users/me", { body: values });
      forgetAccount();
      toast(t("saved"), "good");
      if (page !== language) choose(page);
    },
  });
}

function languageField(word, name, chosen, hint) {
  const options = LANGUAGES.map(([value, label]) => h("option", { value, lang: value, selected: value === chosen }, label));
  return field({ label: t(word), name, hint, control: h("select", { name }, options) });
}
