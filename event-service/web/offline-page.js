// One's bookings open without a network, as long as this device keeps tickets.
import { installWorker, removeWorker } from "./workers.js";

const SCOPE = "/bookings";
const SERVICE_WORKER = new URL("/bookings-worker.js", location.origin).href;

// The page's policy (Trusted Types) lets no other script run beside it.
let policy = null;
function trusted(url) {
  policy ??= globalThis.trustedTypes?.createPolicy("bookings", {
    createScriptURL(given) {
      if (given !== SERVICE_WORKER) throw new TypeError(`not the script of bookings: ${given}`);
      return given;
    },
  });
  return policy?.createScriptURL(url) ?? url;
}

/** Whether they do from now on. */
export async function keepPage() {
  try {
    await installWorker("bookings", trusted(SERVICE_WORKER), SCOPE);
    return true;
  } catch {
    return false; // Without TLS, in a private window, on a full disk.
  }
}

/** A device without tickets keeps no page for them. */
export const dropPage = () => removeWorker("bookings", SCOPE).catch(() => null);
