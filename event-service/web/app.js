// From the address to a view, and the frame around it.
import { addressOfOldLink, here, interceptLinks, ownAddress, parse } from "./addresses.js";
import { hasChanged, isSignedIn, onOtherWindow, sessionEvents, shownUser } from "./account-guard.js";
import { begin, keepAccount } from "./api.js";
import { ask, h, toast } from "./dom.js";
import { choose, language, t } from "./language.js";
import { clearNotice, notice, remindToConfirm } from "./notices.js";
import { empty, explain, isNotLoaded } from "./parts.js";
import { forgetAccount, signOut, takeOver, whoAmI } from "./session.js";
import { VERY_SLOW_MILLISECONDS } from "./slow-line.js";
import { addStyles } from "./styles.js";
import { drawTop, markCurrent } from "./top.js";
import * as events from "./views/events.js";

const ID = "([0-9a-f-]{36})";
// Of an event's desk.
const PARTS = "(guests|waiting|messages|door|settings)";
const DOOR = new RegExp(`^/events/${ID}/door$`);
const SLOW_MILLISECONDS = 150;

// Path, view, whether one must be signed in. What most people never open is loaded when they do.
const ROUTES = [
  [/^\/$/, () => events, false],
  [new RegExp(`^/events/${ID}$`), loadEvent, false],
  [/^\/bookings$/, () => import("./views/bookings.js"), true],
  [new RegExp(`^/bookings/${ID}$`), () => import("./views/booking.js"), true],
  [/^\/account$/, () => import("./views/account.js"), true],
  [/^\/my-events$/, () => import("./views/my-events.js"), true],
  [/^\/my-events\/new$/, () => import("./views/event-form.js"), true],
  [new RegExp(`^/my-events/${ID}(?:/${PARTS})?$`), () => import("./views/my-event.js"), true],
  [new RegExp(`^/my-events/${ID}/edit$`), () => import("./views/event-form.js"), true],
  [/^\/admin(?:\/.*)?$/, () => import("./views/admin.js"), true],
  [/^\/(?:privacy|contact)$/, () => import("./views/privacy.js"), false],
  [/^\/(sign-in|register|verify|forgot|reset|unsubscribe)$/, () => import("./views/auth.js"), false],
];

/** A large hall is what one waits for: it is asked for before it is known whether there is any. */
function loadEvent([id], signal) {
  const view = import("./views/event.js");
  addStyles("seats.css");
  for (const part of ["/seats/plan", "/seats/states", "", "/availability"]) begin(`/events/${id}${part}`, { signal });
  return view;
}

const main = document.getElementById("main");
// What the server has written, to read while the scripts fail.
const written = { node: main.querySelector("article, .wide, .form-page"), address: here() };
let leaving = new AbortController();
let isFirst = true;
let shownAddress = "";
// Whether something stands in a form that would be lost.
let hasTyped = false;

/** Opens a view by its address. `replace`: Back leads to where one was before this one. */
export function go(address, { replace = false } = {}) {
  // A door is a page of its own.
  if (DOOR.test(address)) return location[replace ? "replace" : "assign"](address);
  rememberScroll();
  history[replace || address === here() ? "replaceState" : "pushState"](null, "", address);
  arrived();
}

/** How far one has scrolled stands in the entry of the history, for the way back and for a reload. */
function rememberScroll() {
  history.replaceState({ ...history.state, scroll: window.scrollY }, "");
}

function arrived() {
  const old = addressOfOldLink(location.hash);
  if (old) history.replaceState(null, "", old);
  if (!location.pathname.startsWith("/sign-in")) clearNotice();
  navigate();
}

async function navigate() {
  leaving.abort();
  leaving = new AbortController();
  hasTyped = false;
  const { signal } = leaving;
  const { path, query, fragment } = parse(here());
  shownAddress = here();
  const slow = setTimeout(() => showWaiting(path), SLOW_MILLISECONDS);
  const verySlow = setTimeout(sayWaiting, VERY_SLOW_MILLISECONDS);
  markCurrent(path);
  try {
    const { title, node, shown } = await open({ path, query, fragment, signal });
    if (signal.aborted) return;
    if (!isFirst) forgetLoadedPage();
    document.title = title === "Parterre" ? title : `${title} · Parterre`;
    main.replaceChildren(node);
    // What stands in the address may have changed on the way, but not the view.
    shownAddress = here();
    arrive(shown);
  } catch (problem) {
    if (signal.aborted || problem.name === "AbortError") return;
    if (problem.status === 401) return toSignIn();
    // The page is drawn anew, for whoever is signed in now.
    if (problem.code === "session-changed") return;
    showFailure(problem);
    arrive();
  } finally {
    clearTimeout(slow);
    clearTimeout(verySlow);
    if (!signal.aborted) main.classList.remove("loading");
  }
}

/** What is seen meanwhile: what was there before, or the outlines of the list. */
function showWaiting(path) {
  // What the server has drawn is what was asked for, and is being read.
  if (isFirst && main.querySelector("h1")) return;
  if (path === "/" && !main.querySelector("h1, .wide")) main.replaceChildren(events.skeleton());
  else main.classList.add("loading");
}

/** Above what is seen meanwhile. The scripts have started: what the page says of that is not true any more. */
function sayWaiting() {
  main.querySelector(".slow-start")?.remove();
  main.prepend(h("p", { class: "notice", role: "status" }, t("slow-line")));
}

/** What went wrong and what one may do; above what the server has written, where that is still there. */
function showFailure(problem) {
  // Browsers may remember that a module could not be had.
  const again = isNotLoaded(problem) ? () => location.reload() : navigate;
  const isMissing = problem.status === 404;
  const isRead = !isMissing && main.contains(written.node) && here() === written.address;
  const failure = empty(
    t(isMissing ? "nothing-here" : "went-wrong"),
    explain(problem),
    h(
      "p",
      { class: "actions" },
      !isMissing && h("button", { class: "primary", onclick: again }, t("try-again")),
      h("a", { href: "/", class: "button quiet" }, t("to-events")),
    ),
    isRead ? "h2" : "h1",
  );
  main.replaceChildren(failure, ...(isRead ? [written.node] : []));
}

/** What the server has said of the page that was loaded is not true of another view. */
function forgetLoadedPage() {
  const told = "link[rel=canonical], link[rel=alternate], meta[property], meta[name=robots], script[type$=json]";
  for (const element of document.head.querySelectorAll(told)) element.remove();
}

const routeOf = (path) => ROUTES.find(([pattern]) => pattern.test(path));

async function open({ path, signal, ...more }) {
  const found = routeOf(path);
  if (!found)
    return {
      title: t("nothing-here"),
      node: empty(t("nothing-here"), "", h("a", { href: "/", class: "button primary" }, t("to-events")), "h1"),
    };
  const [pattern, load, needsSession] = found;
  if (needsSession && !isSignedIn()) {
    toSignIn();
    throw new DOMException("", "AbortError");
  }
  const params = pattern.exec(path).slice(1);
  const view = await load(params, signal);
  return view.render({ path, params, signal, ...more, go });
}

function toSignIn() {
  go(`/sign-in?next=${encodeURIComponent(ownAddress(here()) ?? "/")}`, { replace: true });
}

/** Screen readers start at the new heading; the first page is read from its top anyway. */
function arrive(shown) {
  const scroll = history.state?.scroll ?? null;
  if (shown) shown();
  if (scroll !== null) window.scrollTo(0, scroll);
  else if (!shown && !isFirst) window.scrollTo(0, 0);
  const heading = main.querySelector("h1");
  if (heading && !isFirst && !main.contains(document.activeElement)) {
    heading.tabIndex = -1;
    heading.focus({ preventScroll: true });
  }
  isFirst = false;
}

async function drawHead() {
  const name = drawTop(leave);
  markCurrent(parse(here()).path);
  if (!name) return remindToConfirm(null);
  const user = await whoAmI().catch(() => null);
  if (user) name.textContent = user.full_name || user.email;
  if (user?.is_superuser) showAdministration();
  remindToConfirm(user);
}

function showAdministration() {
  const nav = document.querySelector("#top nav");
  if (nav.querySelector("[href='/admin']")) return;
  nav.append(h("a", { href: "/admin" }, t("admin")));
  markCurrent(parse(here()).path);
}

let asking = null;

/** Another account came in by another window. What somebody has typed for the first is not lost
 * without a word. */
function replaced({ detail: now }) {
  asking ??= tellOfOther(now).finally(() => {
    asking = null;
  });
}

async function tellOfOther(now) {
  const before = shownUser();
  if (hasTyped && !before) return takeOver();
  if (hasTyped && now) {
    const said = t("now-signed-in", { email: now.email });
    const text = `${said} ${t("nothing-sent")} ${t("typed-for", { email: before.email })}`;
    const words = { title: t("other-account"), text, yes: t("load-anew"), no: t("not-yet"), kind: "" };
    if (!(await ask(words))) return;
  }
  takeOver();
  await navigate();
  if (now) notice(`${t("now-signed-in", { email: now.email })} ${before ? t("nothing-sent") : ""}`);
}


async function leave() {
  try {
    await signOut();
    toast(t("signed-out"));
    go("/");
  } catch (problem) {
    toast(explain(problem), "bad");
  }
}

function drawFrame() {
  const skip = document.getElementById("skip");
  skip.textContent = t("skip");
  skip.addEventListener("click", (event) => {
    // Without a step in the history.
    event.preventDefault();
    main.focus();
  });
  const other = language === "en" ? "ru" : "en";
  document
    .getElementById("foot")
    .replaceChildren(
      h("p", {}, t("about")),
      h(
        "button",
        { class: "link", lang: other, onclick: () => choose(other) },
        other === "ru" ? "Русский" : "English",
      ),
      h("a", { href: "/privacy" }, t("privacy")),
      h("a", { href: "/contact" }, t("contact")),
      h("a", { href: "/docs" }, "API"),
    );
  drawHead();
}

window.addEventListener("popstate", () => {
  // Not for an anchor within the view; a token or an older link behind the # is for a view.
  const isAnchor = ownAddress(here()) === ownAddress(shownAddress) && document.getElementById(location.hash.slice(1));
  if (!isAnchor && here() !== shownAddress) arrived();
});
window.addEventListener("pagehide", rememberScroll);
interceptLinks((path) => Boolean(routeOf(path)), go);
main.addEventListener("input", ({ target }) => {
  hasTyped ||= Boolean(target.closest("form:not(.search)"));
});
sessionEvents.addEventListener("changed", drawHead);
sessionEvents.addEventListener("replaced", replaced);
sessionEvents.addEventListener("ended", () => {
  // Nobody else is to read on; but what somebody has typed stays until it is sent.
  if (routeOf(parse(here()).path)?.[2] && !hasTyped) toSignIn();
  notice(t("ended-elsewhere"));
});
// "Nothing was sent" is true until something is.
sessionEvents.addEventListener("sent", clearNotice);
onOtherWindow(() => {
  if (hasChanged()) keepAccount().catch(() => null);
  // Perhaps it was confirmed meanwhile.
  else if (shownUser()?.is_verified === false) forgetAccount();
});
history.scrollRestoration = "manual";
drawFrame();
arrived();
