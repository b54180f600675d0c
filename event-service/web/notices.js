// What stands above every view: who is signed in now, and that an address is not confirmed yet.
import { h } from "./dom.js";
import { t } from "./language.js";
import { ASK_AGAIN, mailAgain } from "./mail-again.js";

const place = document.getElementById("notices");
const session = h("div", { role: "status" });
const address = h("div", {});
place.append(session, address);

/** Stays until the next view is opened by the person. */
export function notice(text) {
  session.replaceChildren(h("p", { class: "notice", dir: "auto" }, text));
}

export const clearNotice = () => session.replaceChildren();

let told = null;

/** Mails other than this one wait until the address is confirmed. */
export function remindToConfirm(user) {
  const key = user && !user.is_verified ? user.id : null;
  if (key === told) return;
  told = key;
  if (key === null) return address.replaceChildren();
  const words = h("p", {}, t("not-confirmed", { email: user.email }));
  const again = mailAgain({ path: ASK_AGAIN, email: user.email, since: Date.parse(user.created_at) });
  address.replaceChildren(h("div", { class: "notice" }, words, again));
}
