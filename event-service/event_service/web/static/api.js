// The services' API. Behind a gateway all is one origin; in development each service has its own.
import { t } from "./language.js";

const { auth, notification } = document.documentElement.dataset;
const ORIGINS = { auth, users: auth, notifications: notification };
const CSRF_COOKIE = "csrf_token";
const RENEW = "/auth/session/renew";

/** An answer other than the one asked for (RFC 9457); `code` is the last word of its type. */
export class Problem extends Error {
  constructor(code, status, more = {}) {
    super(more.detail ?? code);
    Object.assign(this, { errors: [], ...more, code, status });
  }
}

export function csrfToken() {
  const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${CSRF_COOKIE}=`));
  return found ? decodeURIComponent(found.slice(CSRF_COOKIE.length + 1)) : null;
}

/** The cookie of the session itself cannot be read: its companion tells whether there is one. */
export const isSignedIn = () => csrfToken() !== null;

export const sessionEvents = new EventTarget();

/** Without its companion the session's cookie is not sent any more. */
export function forgetSession() {
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `${CSRF_COOKIE}=; Path=/; Max-Age=0; SameSite=Lax${secure}`;
  sessionEvents.dispatchEvent(new Event("ended"));
}

// How far the server's clock is ahead of this one; the countdown of a hold follows the server's.
let clockAheadMilliseconds = 0;
export const serverNow = () => Date.now() + clockAheadMilliseconds;

async function send(method, path, { body, form, headers, signal, credentials }) {
  const origin = ORIGINS[path.split(/[/?]/)[1]] ?? "";
  const request = { method, signal, headers: { Accept: "application/json", ...headers } };
  request.credentials = credentials ?? (isSignedIn() ? "include" : "omit");
  if (method !== "GET" && isSignedIn()) request.headers["X-CSRF-Token"] = csrfToken();
  if (form) request.body = new URLSearchParams(form);
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(`${origin}/api/v1${path}`, request);
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (date) clockAheadMilliseconds = Math.abs(date - Date.now()) > 2000 ? date - Date.now() : 0;
    return response;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem("network", 0, { detail: t("problem.network") });
  }
}

let renewing = null;

/** Puts a new token into the cookie; whether there is still a session. Many at once ask once. */
function renew() {
  renewing ??= send("POST", RENEW, {})
    .then(async (response) => {
      if (response.ok) return true;
      if (response.status !== 401 && response.status !== 403) throw await problemOf(response);
      forgetSession();
      return false;
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

/** The answer's JSON, or its blob with `as: "blob"`. Raises Problem. */
export async function api(method, path, options = {}) {
  let response = await send(method, path, options);
  if (response.status === 401 && isSignedIn()) {
    await renew();
    // Without a session this is what everybody may see, or 401 for good.
    response = await send(method, path, options);
  }
  if (!response.ok) throw await problemOf(response);
  if (response.status === 204 || response.headers.get("Content-Length") === "0") return null;
  if (options.as === "blob") return response.blob();
  return response.status === 202 ? null : response.json();
}

async function problemOf(response) {
  let document = {};
  try {
    document = await response.json();
  } catch {
    // A proxy in between answered; its words are not for people.
  }
  const code = String(document.type ?? "").replace("urn:problem:", "") || `http-${response.status}`;
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  return new Problem(code, response.status, { ...document, retryAfter });
}

export const get = (path, options) => api("GET", path, options);
export const post = (path, body, options) => api("POST", path, { body, ...options });

export function query(parameters) {
  const given = Object.entries(parameters).filter(
    ([, value]) => value !== null && value !== undefined && value !== "",
  );
  return given.length ? `?${new URLSearchParams(given)}` : "";
}

/** A name for one attempt; randomUUID would ask for TLS. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    byte.toString(16).padStart(2, "0"),
  ).join("");
}
