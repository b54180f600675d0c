// The two scripts that the page's policy (Trusted Types) lets run beside it.
import { installWorker, removeWorker } from "../workers.js";

// Below the page's own path, so that the service worker has its files as well.
const WORKER = location.origin + location.pathname + new URL("decode-worker.js", import.meta.url).pathname;
const SERVICE_WORKER = new URL("/door-worker.js", location.origin).href;

const policy = globalThis.trustedTypes?.createPolicy("door", {
  createScriptURL(url) {
    if (url !== WORKER && url !== SERVICE_WORKER) throw new TypeError(`no script of the door: ${url}`);
    return url;
  },
});
const trusted = (url) => policy?.createScriptURL(url) ?? url;

export const startDecoder = () => new Worker(trusted(WORKER), { type: "module" });

/** The page opens without a network from then on. What it is for ends at this event's door. */
export async function installServiceWorker() {
  try {
    await installWorker("door", trusted(SERVICE_WORKER), location.pathname);
  } catch {
    // Without TLS, in a private window or without a network: the page works while it is open.
  }
}

/** A door that is closed keeps nothing on the phone. */
export const removeServiceWorker = () => removeWorker("door", location.pathname);
