// Who is here.
import { api, csrfToken, forgetSession, get, isSignedIn, sessionEvents } from "./api.js";

let account = null;
let seen = csrfToken();

function changed() {
  account = null;
  seen = csrfToken();
  sessionEvents.dispatchEvent(new Event("changed"));
}

/** The account, or null; asked for once a session. */
export function whoAmI() {
  if (!isSignedIn()) return Promise.resolve(null);
  account ??= get("/users/me").catch((error) => {
    account = null;
    if (error.status === 401) return null;
    throw error;
  });
  return account;
}

export function forgetAccount() {
  account = null;
  sessionEvents.dispatchEvent(new Event("changed"));
}

export async function signIn(email, password) {
  await api("POST", "/auth/session", { form: { username: email, password }, credentials: "include" });
  changed();
}

export async function signOut() {
  try {
    await api("DELETE", "/auth/session");
    changed();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    forgetSession();
  }
}

sessionEvents.addEventListener("ended", changed);

// Somebody signed in or out in another tab.
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && csrfToken() !== seen) changed();
});
