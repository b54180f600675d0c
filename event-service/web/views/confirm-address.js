// What the link of a verification mail leads to. The token goes out at the press of a button only:
// programs open links before people do, and some of them run scripts.
import { post } from "../api.js";
import { tellOtherWindows } from "../account-guard.js";
import { h, toast } from "../dom.js";
import { t } from "../language.js";
import { forgetToken, linkToken } from "../link-token.js";
import { ASK_AGAIN } from "../mail-again.js";
import { actionButton, alert, explain } from "../parts.js";
import { forgetAccount, signOut, whoAmI } from "../session.js";
import { mailForm, narrow } from "./auth-forms.js";

const VIEW = "verify";

export async function confirmAddress({ fragment, go }) {
  const token = linkToken(VIEW, fragment);
  const place = h("div", {});
  if (!token) return narrow(t("verify"), alert(t("link-missing")), await again());
  const problems = h("div", {});
  const confirm = actionButton(
    t("verify-button"),
    "primary",
    async () => {
      const account = await post("/auth/verify", { token }, { isPublic: true });
      await done(place, `${t("verified")} ${t("verified-text", { email: account.email })}`, account, go);
    },
    (problem) => failed(problem, place, problems, go),
  );
  place.append(h("p", {}, t("verify-text")), h("p", { class: "actions" }, confirm), problems);
  return narrow(t("verify"), place);
}

async function failed(problem, place, problems, go) {
  if (problem.code === "already-verified") return done(place, explain(problem), null, go);
  if (problem.code === "bad-token" || problem.code === "email-taken") {
    forgetToken(VIEW);
    const words = problem.code === "bad-token" ? t("link-ended") : t("address-gone");
    return place.replaceChildren(alert(words), await again());
  }
  problems.replaceChildren(alert(explain(problem)));
}

async function done(place, text, account, go) {
  forgetToken(VIEW);
  forgetAccount();
  tellOtherWindows();
  const user = await whoAmI().catch(() => null);
  const isOther = user && account && user.id !== account.id;
  place.replaceChildren(
    h("p", { class: "good-news", role: "status" }, text),
    isOther ? otherAccount(user, go) : "",
    h(
      "p",
      { class: "actions" },
      h("a", { href: "/", class: "button primary" }, t("to-events")),
      user ? "" : h("a", { href: "/sign-in", class: "button quiet" }, t("sign-in")),
    ),
  );
}

function otherAccount(user, go) {
  const leave = actionButton(
    t("sign-out"),
    "quiet small",
    async () => {
      await signOut();
      go("/sign-in");
    },
    (problem) => toast(explain(problem), "bad"),
  );
  return h("div", {}, h("p", {}, t("signed-in-as-other", { email: user.email })), leave);
}

/** Another mail; whose address is confirmed needs none. */
async function again() {
  const user = await whoAmI().catch(() => null);
  if (user?.is_verified && !user.pending_email)
    return h("p", {}, t("nothing-to-confirm", { email: user.email }));
  return mailForm(ASK_AGAIN, t("send-again"), user?.email);
}
