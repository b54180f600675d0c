// Erasing the account, and what that means.
import { forgetSession } from "../account-guard.js";
import { api } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { t } from "../language.js";
import { explain, form } from "../parts.js";
import { currentPassword, withUsername } from "../password-field.js";

const MEANINGS = ["name", "tickets", "holds", "drafts", "stays", "final"];

export function erasure(user, go) {
  const refused = h("div", { role: "alert" });
  const done = async (values) => {
    refused.replaceChildren();
    if (!(await ask({ title: t("erase-ask"), text: t("erase-text"), yes: t("erase"), no: t("keep") }))) return;
    try {
      await api("DELETE", "/users/me", { body: values });
    } catch (problem) {
      if (problem.code !== "organizer-has-events") throw problem;
      return refused.replaceChildren(hasEvents(problem));
    }
    toast(t("erased"));
    forgetSession();
    go("/");
  };
  return h(
    "details",
    {},
    h("summary", {}, t("erase")),
    h("p", {}, t("erase-means")),
    h("ul", { class: "erase-means" }, MEANINGS.map((meaning) => h("li", {}, t(`erase-${meaning}`)))),
    form({ ...withUsername(user.email, [currentPassword()]), submit: t("erase"), done }),
    refused,
  );
}

const hasEvents = (problem) =>
  h(
    "div",
    { class: "alert" },
    h("p", {}, explain(problem)),
    h("a", { class: "button quiet small", href: "/my-events" }, t("my-events")),
  );
