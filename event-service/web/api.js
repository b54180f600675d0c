// The services' API. Behind a gateway all is one origin; in development each service has its own.
import {
  cookieToken,
  csrfToken,
  forgetSession,
  hasChanged,
  isSignedIn,
  sessionEvents,
  showCurrentSession,
  showNobody,
  shownUser,
} from "./account-guard.js";
import { t } from "./language.js";
import { noteServerTime, serverNow } from "./server-clock.js";

export { isSignedIn, serverNow };

const { auth, notification } = document.documentElement.dataset;
const ORIGINS = { auth, users: auth, notifications: notification };
const RENEW = "/auth/session/renew";

/** Where a browser finds "/events", say. */
export const urlOf = (path) => `${ORIGINS[path.split(/[/?]/)[1]] ?? ""}/api/v1${path}`;

/** An answer other than the one asked for (RFC 9457); `code` is the last word of its type. */
export class Problem extends Error {
  constructor(code, status, more = {}) {
    super(more.detail ?? code);
    Object.assign(this, { errors: [], ...more, code, status });
  }
}

// Longer than any answer takes to begin. On a line that is open and carries nothing, one would wait for minutes.
const PATIENCE_MILLISECONDS = 45_000;
const SLOWEST_BYTES_A_MILLISECOND = 10;
// Of an answer that does not say its size: a file that is written while it is read.
const UNKNOWN_BYTES = 2_500_000;

const late = () => new DOMException("", "TimeoutError");

const givingUp = new WeakMap();

/** As fetch; gives up on a server that says nothing. A file may take long on its way. */
async function fetchPatiently(url, request, milliseconds) {
  const waiting = new AbortController();
  const timer = milliseconds && setTimeout(() => waiting.abort(late()), milliseconds);
  const signals = [waiting.signal, request.signal].filter(Boolean);
  try {
    const response = await fetch(url, { ...request, signal: AbortSignal.any(signals) });
    givingUp.set(response, () => waiting.abort(late()));
    return response;
  } finally {
    clearTimeout(timer);
  }
}

/** All of an answer; gives up where it takes longer than on the slowest line. Read part by part, browsers would
 * not keep it: they end a request whose last part is read before they have noted its end. */
async function readPatiently(response) {
  const size = Number(response.headers.get("Content-Length") ?? UNKNOWN_BYTES);
  const most = PATIENCE_MILLISECONDS + size / SLOWEST_BYTES_A_MILLISECOND;
  const timer = setTimeout(givingUp.get(response), most);
  try {
    return await response.blob();
  } finally {
    clearTimeout(timer);
  }
}

/** `token` is the CSRF token of the session that is meant; null sends no cookie at all. */
async function send(method, path, { body, form, file, headers, signal, token = csrfToken() }) {
  const request = { method, signal, headers: { Accept: "application/json", ...headers } };
  request.credentials = token === null ? "omit" : "include";
  if (method !== "GET" && token) request.headers["X-CSRF-Token"] = token;
  if (form) request.body = new URLSearchParams(form);
  // Its type becomes the request's.
  if (file) request.body = file;
  if (body !== undefined) {
    request.headers["Content-Type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  try {
    const response = await fetchPatiently(urlOf(path), request, file ? 0 : PATIENCE_MILLISECONDS);
    const date = Date.parse(response.headers.get("Date") ?? "");
    if (date) noteServerTime(date);
    return response;
  } catch (error) {
    throw lost(error);
  }
}

const lost = (error) =>
  error.name === "AbortError" ? error : new Problem("network", 0, { detail: t("problem.network") });

/** Raises Problem for an answer that ends midway, or is of something between here and the services: of a network
 * that wants to be paid first, say. */
async function contentOf(response, as) {
  try {
    const content = await readPatiently(response);
    return as === "json" ? JSON.parse(await content.text()) : content;
  } catch (error) {
    throw lost(error);
  }
}

let renewing = null;

/** Puts a new token into the cookie; whether there is still a session. Many at once ask once. */
function renew() {
  renewing ??= send("POST", RENEW, {})
    .then(async (response) => {
      if (response.ok) return true;
      if (response.status !== 401 && response.status !== 403) throw await problemOf(response);
      if (hasChanged()) await keepAccount();
      else forgetSession();
      return isSignedIn();
    })
    .finally(() => {
      renewing = null;
    });
  return renewing;
}

/** The account that the session of `token` is of, or null. */
async function userOf(token) {
  let response = await send("GET", "/users/me", { token });
  if (response.status === 401 && (await send("POST", RENEW, { token })).ok)
    response = await send("GET", "/users/me", { token });
  return response.ok ? contentOf(response, "json") : null;
}

let keeping = null;

/** Goes on where the cookies are still those of the account that this window shows, also in a session
 * anew. Nobody any more: what follows hears 401. Somebody else: raises Problem. */
export async function keepAccount() {
  if (!hasChanged()) return;
  keeping ??= compareAccounts().finally(() => {
    keeping = null;
  });
  await keeping;
}

async function compareAccounts() {
  const token = cookieToken();
  if (token === null) {
    showNobody();
    sessionEvents.dispatchEvent(new Event("ended"));
    return;
  }
  const user = await userOf(token);
  if (user && user.id === shownUser()?.id) {
    showCurrentSession(user);
    sessionEvents.dispatchEvent(new Event("changed"));
    return;
  }
  sessionEvents.dispatchEvent(new CustomEvent("replaced", { detail: user }));
  throw new Problem("session-changed", 403, { detail: t("problem.session-changed") });
}

// What the server has put into the page: the first view need not ask for it again.
// Back finds the page that the browser has kept, from whatever time: what it says is asked for anew.
const isKeptPage = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
const written = isKeptPage ? null : document.getElementById("answers");
const answers = JSON.parse(written?.textContent ?? "{}");
const ANSWERS_LAST_MILLISECONDS = 15_000;

function takeAnswer(path) {
  const [plain, search = ""] = path.split("?");
  const asked = new URLSearchParams(search);
  asked.sort();
  const key = plain + (search && `?${asked}`);
  const answer = answers[key];
  delete answers[key];
  return performance.now() < ANSWERS_LAST_MILLISECONDS ? answer : undefined;
}

// By the signal of the view that they are for.
const begun = new WeakMap();

/** Asks for what a view asks for first, while the view itself is on its way: its get() has the answer then. `signal`
 * is that of the view. */
export function begin(path, options) {
  const asked = get(path, options);
  asked.catch(() => null);
  if (!begun.has(options.signal)) begun.set(options.signal, new Map());
  begun.get(options.signal).set(path, asked);
}

/** What was begun for `signal` is also there for `part` of its view. */
export const shareBegun = (signal, part) => begun.set(part, begun.get(signal) ?? new Map());

function takeBegun(path, signal) {
  const paths = begun.get(signal);
  const asked = paths?.get(path);
  paths?.delete(path);
  return asked;
}

/** The answer's JSON; with `as` its "blob" or the "response" itself. Raises Problem. `isPublic`: whoever is signed in
 * has nothing to do with it, and no cookie goes with it. */
export async function api(method, path, options = {}) {
  const known = method === "GET" && !options.as && takeAnswer(path);
  if (known) return known;
  const response = options.isPublic
    ? await send(method, path, { ...options, token: null })
    : await sendAs(method, path, options);
  if (!response.ok) throw await problemOf(response);
  if (options.as === "response") return response;
  if (response.status === 204 || response.headers.get("Content-Length") === "0") return null;
  if (options.as === "blob") return contentOf(response, "blob");
  return response.status === 202 ? null : contentOf(response, "json");
}

/** As the account that this window shows, or as nobody if it shows none. */
async function sendAs(method, path, options) {
  await keepAccount();
  const wasSignedIn = isSignedIn();
  let response = await send(method, path, options);
  if (response.status === 401 && isSignedIn()) {
    try {
      await renew();
    } catch (problem) {
      return sendAsNobody(method, path, options, problem);
    }
    // Without a session this is what everybody may see, or 401 for good.
    response = await send(method, path, options);
  }
  if (wasSignedIn && hasChanged()) {
    // Refused by the services, or read with cookies that came between: not to be shown here.
    const isRefused = response.status === 403;
    if (isRefused || method === "GET") await keepAccount();
    if (isRefused) response = await send(method, path, options);
  }
  if (method !== "GET" && response.status !== 401) sessionEvents.dispatchEvent(new Event("sent"));
  return response;
}

/** Who one is cannot be asked now: what everybody may see is shown all the same. Raises `problem` for the rest. */
async function sendAsNobody(method, path, options, problem) {
  if (method !== "GET") throw problem;
  const response = await send(method, path, { ...options, token: null });
  if (!response.ok) throw problem;
  return response;
}

/** Signs in: whose cookies are there now does not matter, since they are replaced. */
export async function openSession(form) {
  const response = await send("POST", "/auth/session", { form, token: cookieToken() ?? "" });
  if (!response.ok) throw await problemOf(response);
}

async function problemOf(response) {
  let document = {};
  try {
    document = await contentOf(response, "json");
  } catch {
    // A proxy in between answered; its words are not for people.
  }
  const code = String(document.type ?? "").replace("urn:problem:", "") || `http-${response.status}`;
  const retryAfter = Number(response.headers.get("Retry-After")) || null;
  return new Problem(code, response.status, { ...document, retryAfter });
}

export const get = (path, options) => takeBegun(path, options?.signal) ?? api("GET", path, options);
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
