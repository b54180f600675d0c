// Opens one event's door without a network: its page and its files, of one release, and nothing else. What
// people are told by the API is neither read nor kept here.
const RELEASE = "{release}";
const FILES = ["{files}"];
// The decoder's worker has its files below the page's path, with a policy of their own.
const WORKER_FILES = ["{worker_files}"];
const PATH = new URL(self.registration.scope).pathname;
const PREFIX = `door:${PATH}:`;
const CACHE = PREFIX + RELEASE;
const STATIC = `/static/${RELEASE}/plain/`;
const PATIENCE_MILLISECONDS = 4000;

async function install() {
  const cache = await caches.open(CACHE);
  const page = await fetch(PATH, { cache: "reload" });
  const text = await page.clone().text();
  // During a rolling update the page may be of the other release: the browser tries again later.
  if (!page.ok || !text.includes(`"${STATIC}door/app.js"`)) throw new Error("the page is of another release");
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

/** In the language that was chosen last. The files beside it are of this release. */
async function keepPage(page) {
  const text = await page.clone().text();
  if (!text.includes(`"${STATIC}door/app.js"`)) return;
  await (await caches.open(CACHE)).put(PATH, page);
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
  if (request.mode === "navigate" && pathname === PATH) event.respondWith(openPage(request));
  else if (pathname.startsWith(STATIC) || pathname.startsWith(PATH + STATIC)) event.respondWith(openFile(request));
});
