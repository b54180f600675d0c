// The QR codes of tickets, as images.
import { get } from "./api.js";
import { keptCode } from "./kept-tickets.js";

const AT_ONCE = 4;
const known = new Map();
const waiting = [];
let running = 0;

/** The SVG text of a ticket's code; raises Problem. Some at a time: a booking may have hundreds. */
function codeOf(booking, seat, signal) {
  const code = seat.ticket_code;
  if (!known.has(code)) {
    const loaded = load(booking, seat, signal);
    known.set(code, loaded);
    loaded.catch(() => known.delete(code));
  }
  return known.get(code);
}

async function load(booking, seat, signal) {
  const kept = keptCode(booking, seat.ticket_code);
  if (kept) return kept;
  await turn();
  try {
    const path = `/bookings/${booking.id}/tickets/${seat.id}.svg`;
    const blob = await get(path, { as: "blob", headers: { Accept: "image/svg+xml" }, signal });
    return await blob.text();
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}

async function turn() {
  if (running >= AT_ONCE) await new Promise((resolve) => waiting.push(resolve));
  running += 1;
}

/** Draws the code into `place`, where its letters stand beside it: without an image they are enough. */
export async function drawCode(place, booking, seat, signal) {
  try {
    const svg = await codeOf(booking, seat, signal);
    const image = new Image();
    image.alt = "";
    // As a blob: an image's address would be asked for without renewing the session.
    image.src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    signal?.addEventListener("abort", () => URL.revokeObjectURL(image.src), { once: true });
    place.replaceChildren(image);
    await image.decode();
    return svg;
  } catch {
    place.classList.add("missing");
    return null;
  }
}
