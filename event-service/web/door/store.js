// What a phone at a door keeps: its link, the tickets as hashes, and its scans. It outlives reloads.
import { serverNow } from "../server-clock.js";

const NAME = "parterre-door";
const DAY_MILLISECONDS = 86_400_000;
const STORES = { doors: "event_id", snapshots: "event_id", scans: "id" };

let opened = null;
// Where a browser keeps nothing (private windows of some), this lasts as long as the page is open.
const memory = Object.fromEntries(Object.keys(STORES).map((name) => [name, new Map()]));

const finished = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

function open() {
  opened ??= new Promise((resolve) => {
    let request;
    try {
      request = indexedDB.open(NAME, 1);
    } catch {
      return resolve(null);
    }
    request.onupgradeneeded = () => {
      for (const [name, keyPath] of Object.entries(STORES)) {
        const store = request.result.createObjectStore(name, { keyPath });
        if (name === "scans") store.createIndex("event", "event_id");
      }
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
    request.onblocked = () => resolve(null);
  });
  return opened;
}

async function run(name, mode, work) {
  return work((await open()).transaction(name, mode).objectStore(name));
}

export async function read(name, key) {
  if (!(await open())) return memory[name].get(key);
  return run(name, "readonly", (store) => finished(store.get(key)));
}

/** Resolves when it is on the disk: a scan that is shown as kept must not be lost. */
export async function write(name, value) {
  const database = await open();
  if (!database) return void memory[name].set(value[STORES[name]], value);
  const transaction = database.transaction(name, "readwrite", { durability: "strict" });
  transaction.objectStore(name).put(value);
  await new Promise((resolve, reject) => {
    transaction.oncomplete = resolve;
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export async function remove(name, key) {
  if (!(await open())) return void memory[name].delete(key);
  await run(name, "readwrite", (store) => finished(store.delete(key)));
}

/** An event's scans, the oldest first. */
export async function scansOf(eventId) {
  const scans = (await open())
    ? await run("scans", "readonly", (store) => finished(store.index("event").getAll(eventId)))
    : [...memory.scans.values()].filter((scan) => scan.event_id === eventId);
  return scans.sort((one, other) => one.scanned_at.localeCompare(other.scanned_at));
}

async function doors() {
  if (!(await open())) return [...memory.doors.values()];
  return run("doors", "readonly", (store) => finished(store.getAll()));
}

/** Forgets a door, except scans that no server has. */
async function forget(id) {
  const scans = await scansOf(id);
  for (const scan of scans) if (scan.state !== "waiting") await remove("scans", scan.id);
  await remove("snapshots", id);
  if (!scans.some((scan) => scan.state === "waiting")) await remove("doors", id);
}

/** Forgets the events that were over a day ago. */
export async function forgetPast() {
  for (const { event_id: id, door } of await doors())
    if (door && Date.parse(door.ends_at) <= serverNow() - DAY_MILLISECONDS) await forget(id);
}

/** Forgets the doors that an account has opened which is not signed in any more; those of links stay. */
export async function forgetOwn() {
  for (const { event_id: id, token } of await doors()) if (!token) await forget(id);
}

/** Asks the browser not to give the disk to somebody else. */
export const stay = () => navigator.storage?.persist?.().catch(() => false);
