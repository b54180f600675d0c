// Which session this window shows. The cookies are one for all windows of a browser: another account
// may sign in behind this one's back, and what this window sends must be for the account it shows.

const CSRF_COOKIE = "csrf_token";
export const sessionEvents = new EventTarget();

/** The session's own cookie cannot be read; this companion tells whether there is one, and which. */
export function cookieToken() {
  try {
    const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${CSRF_COOKIE}=`));
    return found ? decodeURIComponent(found.slice(CSRF_COOKIE.length + 1)) || null : null;
  } catch {
    return null; // Cookies are turned off, or not ours.
  }
}

// The token comes from the cookie once and is kept: a request is refused by the services when the
// cookies have become those of another session.
const shown = { token: cookieToken(), user: null };

export const csrfToken = () => shown.token;
export const isSignedIn = () => shown.token !== null;
export const hasChanged = () => cookieToken() !== shown.token;
/** The account that this window shows or showed last, or null. */
export const shownUser = () => shown.user;

/** From now on this window shows the session that the cookies are of. */
export function showCurrentSession(user = null) {
  Object.assign(shown, { token: cookieToken(), user });
}

/** Who is shown stays known, so that the same person may sign in again and go on. */
export function showNobody() {
  shown.token = null;
}

export function rememberUser(user) {
  shown.user = user;
}

/** Without its companion the session's cookie is not sent any more. That of another stays. */
export function forgetSession() {
  if (!hasChanged()) {
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `${CSRF_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  }
  showNobody();
  sessionEvents.dispatchEvent(new Event("ended"));
}

export const KEPT_TICKETS = "parterre-tickets";

/** Tickets that this device keeps are for nobody but the account that looked at them. */
export function forgetKeptTickets() {
  try {
    if (localStorage.getItem(KEPT_TICKETS) === null) return;
    localStorage.removeItem(KEPT_TICKETS);
  } catch {
    return; // Storage is turned off: nothing is kept.
  }
  import("./offline-page.js").then(({ dropPage }) => dropPage(), () => null);
}

export function forgetTicketsOfOthers(user) {
  try {
    if (JSON.parse(localStorage.getItem(KEPT_TICKETS))?.owner !== user.id) forgetKeptTickets();
  } catch {
    forgetKeptTickets();
  }
}

const windows = "BroadcastChannel" in window ? new BroadcastChannel("parterre-session") : null;

/** Somebody signed in or out here: other windows look at once, and not when they are next used. */
export const tellOtherWindows = () => windows?.postMessage("changed");

export function onOtherWindow(look) {
  windows?.addEventListener("message", look);
  for (const name of ["focus", "pageshow"]) window.addEventListener(name, look);
  document.addEventListener("visibilitychange", () => document.hidden || look());
}
