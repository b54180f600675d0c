// Service workers, by which pages open without a network (`page-worker.js`). `script` is an address that the page's
// policy (Trusted Types) takes.

/** Resolves once the page of `scope` opens without a network. Raises where that cannot be had: without TLS, in a
 * private window, on a full disk. `name` is the worker's own. */
export async function installWorker(name, script, scope) {
  const registration = await navigator.serviceWorker.register(script, { scope });
  registration.update().catch(() => null);
  await isActive(registration.active ?? registration.waiting ?? registration.installing);
  // One that was removed lives on in windows that it has opened, without what it had kept.
  if (!(await kept(name, scope)).length) throw new Error("the worker has nothing to open the page with");
}

const kept = async (name, scope) => (await caches.keys()).filter((cache) => cache.startsWith(`${name}:${scope}:`));

function isActive(worker) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (worker.state === "activated") resolve();
      if (worker.state === "redundant") reject(new Error("the worker could not be installed"));
    };
    worker.addEventListener("statechange", look);
    look();
  });
}

/** Removes the worker `name` of `scope`, and what it has kept. */
export async function removeWorker(name, scope) {
  const registration = await navigator.serviceWorker?.getRegistration(scope).catch(() => null);
  await registration?.unregister();
  if ("caches" in window) await Promise.all((await kept(name, scope)).map((cache) => caches.delete(cache)));
}
