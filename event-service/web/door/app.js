// The door of an event, a page of its own: from the link to the scanner.
import "./words.js";
import { isSignedIn, Problem } from "../api.js";
import { h } from "../dom.js";
import { isolate, language, t } from "../language.js";
import { Checker } from "./check.js";
import { closedView } from "./closed.js";
import { DoorKey, isAway } from "./key.js";
import { Outbox } from "./outbox.js";
import { Screen } from "./screen.js";
import { installServiceWorker, removeServiceWorker } from "./scripts.js";
import { forgetPast, read, stay, write } from "./store.js";
import { Tickets } from "./tickets.js";

const LOOK_MILLISECONDS = 15_000;
const LOOK_OFFLINE_MILLISECONDS = 4000;
const LIST_MILLISECONDS = 60_000;

const [, eventId] = /^\/events\/([0-9a-f-]{36})\/door/.exec(location.pathname);
const key = new DoorKey(eventId);
const tickets = new Tickets(key);
const outbox = new Outbox(key, tickets);
let screen = null;
let timer = null;
let listAt = 0;
let isClosed = false;

function show(node) {
  document.getElementById("main").replaceChildren(node);
}

/** The event with its counts; without a network as it was. Raises Problem. */
async function loadDoor() {
  const kept = await read("doors", eventId);
  try {
    const door = await outbox.call("GET", "");
    await write("doors", { ...kept, event_id: eventId, token: key.token, door });
    return door;
  } catch (problem) {
    if (!isAway(problem) || !kept?.door) throw problem;
    return kept.door;
  }
}

/** Counts, list and what waits to be sent: again and again while the page is open. */
async function look() {
  clearTimeout(timer);
  try {
    await outbox.flush();
    outbox.counts = await outbox.call("GET", "");
    if (Date.now() - listAt > LIST_MILLISECONDS) {
      await tickets.refresh();
      listAt = Date.now();
    }
  } catch (problem) {
    if (!problem.code) console.error(problem);
  }
  if (isClosed) return;
  outbox.changed();
  clearTimeout(timer);
  timer = setTimeout(look, outbox.isOnline ? LOOK_MILLISECONDS : LOOK_OFFLINE_MILLISECONDS);
}

/** Nothing is opened by this phone any more: what waits is sent if that is still allowed. */
async function close(problem) {
  if (isClosed) return;
  isClosed = true;
  clearTimeout(timer);
  screen?.stop();
  // Scans from before the end are taken for some hours after it.
  if (outbox.waiting.length && problem.status === 401) await outbox.flush();
  if (outbox.isOnline && !isAway(problem)) {
    await key.drop();
    await outbox.forgetSent();
  }
  // The organizer's own phone, where a link was tried, goes on as the organizer's.
  if (problem.status === 401 && key.token === null && isSignedIn() && !close.hasTried) {
    close.hasTried = true;
    isClosed = false;
    return start();
  }
  if (!isAway(problem) && !outbox.waiting.length) removeServiceWorker();
  document.getElementById("bar").replaceChildren();
  show(closedView({ eventId, key, outbox, problem }));
}

async function start() {
  if (!key.isKnown) return close(new Problem("not-authenticated", 401));
  try {
    const door = await loadDoor();
    document.title = `${isolate(door.title)} · ${t("door.title")} · Parterre`;
    outbox.counts ??= door;
    screen = new Screen({ door, outbox, tickets, checker: new Checker(outbox, tickets) });
    screen.draw(document.getElementById("bar"), document.getElementById("main"));
  } catch (problem) {
    return close(problem);
  }
  installServiceWorker();
  stay();
  look();
}

async function open() {
  document.documentElement.lang = language;
  show(h("p", { class: "hint" }, "…"));
  await forgetPast().catch(console.error);
  await key.take();
  await outbox.open();
  await tickets.open(outbox.scans);
  outbox.addEventListener("closed", ({ detail }) => close(detail));
  window.addEventListener("online", look);
  window.addEventListener("offline", () => outbox.setOnline(false));
  document.addEventListener("visibilitychange", () => document.hidden || isClosed || look());
  window.addEventListener("hashchange", () => location.reload());
  await start();
}

open();
