// Asking for a mail: the services send one of a kind to an address at most once a minute, and answer
// the same whether or not there is an account. So the page says when another can be asked for.
import { post, serverNow } from "./api.js";
import { h } from "./dom.js";
import { minutes } from "./format.js";
import { t } from "./language.js";
import { actionButton, alert, explain } from "./parts.js";

export const FORGOT = "/auth/forgot-password";
export const ASK_AGAIN = "/auth/request-verify-token";
const WAIT_MILLISECONDS = 60_000;
const KEPT = "parterre-mails-asked";

const asked = new Map(read());

function read() {
  try {
    return Object.entries(JSON.parse(sessionStorage.getItem(KEPT)) ?? {});
  } catch {
    return []; // Storage is turned off, or holds something else.
  }
}

export function noteMail(path, email) {
  asked.set(`${path} ${email}`, serverNow());
  const recent = [...asked].filter(([, at]) => serverNow() - at < WAIT_MILLISECONDS);
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(recent)));
  } catch {
    // It is known until the page is loaded anew.
  }
}

/** A button that sends again, and how long it must wait. `since`: when a mail went by itself. */
export function mailAgain({ path, email, since = 0 }) {
  const said = h("p", { class: "again-when", role: "status" });
  const problems = h("div", {});
  const button = actionButton(
    t("send-again"),
    "again quiet small",
    async () => {
      problems.replaceChildren();
      await post(path, { email }, { isPublic: true });
      noteMail(path, email);
      wait();
    },
    (problem) => problems.replaceChildren(alert(explain(problem))),
  );
  let timer = null;
  const wait = () => {
    const until = Math.max(since, asked.get(`${path} ${email}`) ?? 0) + WAIT_MILLISECONDS;
    const rest = h("span", { class: "rest", role: "timer", "aria-live": "off" });
    const tick = () => {
      const left = until - serverNow();
      rest.textContent = minutes(left);
      button.disabled = left > 0;
      if (left > 0) return;
      clearInterval(timer);
      said.replaceChildren();
    };
    clearInterval(timer);
    said.replaceChildren(t("again-in"), " ", rest);
    timer = setInterval(tick, 1000);
    tick();
  };
  wait();
  return h("div", { class: "mail-again" }, button, said, problems);
}
