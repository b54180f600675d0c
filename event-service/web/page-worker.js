// Opens a page without a network: the page and its files, of one release, and nothing else. What people are told by
// the API is neither read nor kept here. The server fills in whose worker this is (`page_worker.py`).
const NAME = "{name}";
const RELEASE = "{release}";
const STATIC = "{static}";
// What the page of this release names.
const ENTRY = `"${STATIC}{entry}"`;
const FILES = ["{files}"];
// Files below the page's path, with a policy of their own.
const WORKER_FILES = ["{worker_files}"];
const PATH = new URL(self.registration.scope).pathname;
const PREFIX = `${NAME}:${PATH}:`;
const CACHE = PREFIX + RELEASE;
const PATIENCE_MILLISECONDS = 4000;

const isPage = (pathname) => pathname === PATH || pathname.startsWith(`${PATH}/`);

async function install() {
  const cache = await caches.open(CACHE);
  const page = await fetch(PATH, { cache: "reload" });
  const text = await page.clone().text();
  // During a rolling update the page may be of the other release: the browser tries again later.
  if (!page.ok || !text.includes(ENTRY)) throw new Error("the page is of another release");
  await cache.addAll(FILES.map((name) => STATIC + name));
  await cache.addAll(WORKER_FILES.map((name) => PATH + STATIC + name));
  await cache.put(PATH, page);
  await self.skipWaiting();
}

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** In the language that was chosen last. The files beside it are of this release. Where what was kept is
 * removed, nothing is kept anew. */
async function keepPage(page) {
  const text = await page.clone().text();
  if (text.includes(ENTRY) && (await caches.has(CACHE))) await (await caches.open(CACHE)).put(PATH, page);
}

/** The page of the newest release that can be had. */
async function openPage(request) {
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PATIENCE_MILLISECONDS) });
    if (answer.ok) await keepPage(answer.clone());
    if (answer.status < 500) return answer;
  } catch {
    // No network.
  }
  return (await caches.match(PATH, { cacheName: CACHE, ignoreVary: true })) ?? Response.error();
}

async function openFile(request) {
  // A module is asked for with an Origin, by which answers are said to vary: files do not.
  return (await caches.match(request, { cacheName: CACHE, ignoreVary: true })) ?? fetch(request);
}

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(activate()));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (request.mode === "navigate" && isPage(pathname)) event.respondWith(openPage(request));
  else if (pathname.startsWith(STATIC) || pathname.startsWith(PATH + STATIC)) event.respondWith(openFile(request));
});
