// Tickets that were looked at are kept on this device, for a door without a connection. They belong to
// the account that is signed in: session.js removes them when it is not any more.
import { serverNow } from "./api.js";
import { forgetKeptTickets, KEPT_TICKETS } from "./account-guard.js";
import { whoAmI } from "./session.js";

const MAX_CODES = 60;
const KEPT_AFTER_MILLISECONDS = 24 * 3_600_000;
// What the ticket says; an event's description would be in the way.
const EVENT_FIELDS = [
  ...["id", "title", "category", "status", "starts_at", "ends_at", "timezone", "venue", "city"],
  ...["doors_at", "organizer_name", "payment_note", "cancellation_deadline"],
];

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEPT_TICKETS)) ?? { items: {} };
  } catch {
    return { items: {} }; // Storage is turned off, or holds something else.
  }
}

/** False where storage is turned off or full of other things. */
function write(kept) {
  const items = Object.entries(kept.items).filter(([, item]) => !isOver(item.booking));
  items.sort(([, one], [, other]) => one.booking.starts_at.localeCompare(other.booking.starts_at));
  for (; items.length; items.pop()) {
    try {
      localStorage.setItem(KEPT_TICKETS, JSON.stringify({ ...kept, items: Object.fromEntries(items) }));
      return true;
    } catch {
      // Full: the latest event can wait.
    }
  }
  forgetKeptTickets();
  return false;
}

const isOver = ({ ends_at, starts_at }) =>
  Date.parse(ends_at ?? starts_at) + KEPT_AFTER_MILLISECONDS < serverNow();

const isKept = (booking) => booking.status === "confirmed";

/** `{booking, event, codes, kept_at}` of a booking, or undefined; `codes` are SVG texts by ticket code. */
export const keptBooking = (id) => read().items[id];

export const keptBookings = () => Object.values(read().items);

export const keptCode = (booking, code) => keptBooking(booking.id)?.codes[code];

/** Whether the tickets can be shown without a connection from now on. */
export async function keep(booking, event, codes) {
  const user = await whoAmI();
  const isWhole = codes.size >= Math.min(booking.seats.length, MAX_CODES);
  if (!user || !isWhole || !isKept(booking) || isOver(booking)) return false;
  const kept = read();
  const facts = event && Object.fromEntries(EVENT_FIELDS.map((name) => [name, event[name]]));
  const known = Object.fromEntries([...codes].slice(0, MAX_CODES));
  const item = { booking, event: facts, codes: known, kept_at: new Date(serverNow()).toISOString() };
  const items = kept.owner === user.id ? kept.items : {};
  return write({ owner: user.id, items: { ...items, [booking.id]: item } }) && booking.id in read().items;
}

/** What the service says now replaces what was kept; what is cancelled goes. */
export function refreshKept(bookings) {
  const kept = read();
  const known = bookings.filter(({ id }) => id in kept.items);
  if (!known.length) return;
  const kept_at = new Date(serverNow()).toISOString();
  for (const booking of known) {
    if (isKept(booking)) Object.assign(kept.items[booking.id], { booking, kept_at });
    else delete kept.items[booking.id];
  }
  write(kept);
}

const PATIENCE_MILLISECONDS = 5000;

/** For what is asked where something kept may stand in: a line that carries nothing is told from a slow one by
 * nothing but time. */
export const patiently = (signal) =>
  keptBookings().length ? AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MILLISECONDS)]) : signal;

/** Whether what went wrong is that nobody answers, so that what is kept may stand in. */
export const isAway = (problem) => problem.code === "network" || problem.status >= 500;
