// Who is here.
import { api, get, openSession, Problem } from "./api.js";
import {
  cookieToken,
  forgetKeptTickets,
  forgetSession,
  forgetTicketsOfOthers,
  isSignedIn,
  rememberUser,
  sessionEvents,
  showCurrentSession,
  tellOtherWindows,
} from "./account-guard.js";

let account = null;

function changed() {
  account = null;
  sessionEvents.dispatchEvent(new Event("changed"));
}

/** The account, or null; asked for once a session. */
export function whoAmI() {
  if (!isSignedIn()) return Promise.resolve(null);
  account ??= get("/users/me").then(
    (user) => {
      rememberUser(user);
      forgetTicketsOfOthers(user);
      return user;
    },
    (error) => {
      account = null;
      if (error.status === 401) return null;
      throw error;
    },
  );
  return account;
}

export const forgetAccount = changed;

/** Guests whom the account has let in stand in what its doors keep: nobody else opens these, without a network. */
const forgetDoors = () =>
  import("./door/store.js").then(({ forgetOwn }) => forgetOwn()).catch(() => null);

/** Shows the account that the cookies are of, whoever it was before. */
export function takeOver() {
  showCurrentSession();
  if (!isSignedIn()) forgetKeptTickets();
  forgetDoors();
  changed();
}

/** Raises Problem; `cookies-blocked` when the browser did not keep what it was given. */
export async function signIn(email, password) {
  await openSession({ username: email, password });
  if (cookieToken() === null) throw new Problem("cookies-blocked", 0);
  showCurrentSession();
  changed();
  if (!(await whoAmI())) throw new Problem("cookies-blocked", 0);
  tellOtherWindows();
}

export async function signOut() {
  try {
    await api("DELETE", "/auth/session");
    takeOver();
  } catch (problem) {
    if (problem.status !== 401) throw problem;
    forgetSession();
  }
  tellOtherWindows();
}

sessionEvents.addEventListener("ended", () => {
  forgetKeptTickets();
  forgetDoors();
  changed();
});
// Signed out while no window was open.
if (!isSignedIn()) forgetKeptTickets();
