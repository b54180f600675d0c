// This device's clock may be wrong by hours: times are compared with the server's.
const KEPT = "parterre-clock";
const TOLERANCE_MILLISECONDS = 2000;

// How far the server's clock is ahead of this one, as it was told last, also before this page was opened: without
// a network nobody tells.
let aheadMilliseconds = read();

export const serverNow = () => Date.now() + aheadMilliseconds;

/** The server has said what time it is, in milliseconds. */
export function noteServerTime(time) {
  const difference = time - Date.now();
  const ahead = Math.abs(difference) > TOLERANCE_MILLISECONDS ? difference : 0;
  const isNews = Math.abs(ahead - aheadMilliseconds) > TOLERANCE_MILLISECONDS;
  aheadMilliseconds = ahead;
  if (isNews) keep(ahead);
}

function read() {
  try {
    return Number(localStorage.getItem(KEPT)) || 0;
  } catch {
    return 0; // Storage is turned off.
  }
}

function keep(ahead) {
  try {
    if (ahead) localStorage.setItem(KEPT, String(ahead));
    else localStorage.removeItem(KEPT);
  } catch {
    // Turned off or full: it is known until the page is closed.
  }
}
