// Booking so that a second click, a lost answer or a retry never books twice.
import { api, get, newKey } from "./api.js";
import { pause } from "./dom.js";

const RETRY_MILLISECONDS = 700;
const RETRIES = 8;
const ASK_AGAIN_MILLISECONDS = 4_000;
const HAS = ["held", "confirmed"];

export class Purchase {
  #attempt = null;

  /** Whether it is not known how the last attempt ended: its answer got lost. */
  get isOpen() {
    return this.#attempt?.isLost ?? false;
  }

  isOpenFor(wanted) {
    return this.isOpen && this.#attempt.body === JSON.stringify(wanted);
  }

  /** It has become known by other ways. */
  close() {
    this.#attempt = null;
  }

  /** The booking, by the `version` of the event that was looked at. The key stays the same until it is known how the
   * attempt ended. */
  async book(wanted, version, signal) {
    const body = JSON.stringify(wanted);
    if (this.#attempt?.body !== body) this.#attempt = { body, key: newKey() };
    const headers = { "Idempotency-Key": this.#attempt.key, "Event-Version": version };
    for (let tries = 0; ; tries += 1) {
      try {
        const booking = await api("POST", "/bookings", { body: wanted, headers });
        this.#attempt = null;
        // What an attempt had booked whose answer got lost may have ended since: this is another one.
        return HAS.includes(booking.status) ? booking : this.book(wanted, version, signal);
      } catch (problem) {
        const isRunning = problem.code === "request-in-progress";
        const isOpen = isRunning || !problem.status || problem.status >= 500;
        if (isOpen) this.#attempt.isLost = true;
        else this.#attempt = null;
        if (!isRunning || tries >= RETRIES) throw problem;
        await pause(RETRY_MILLISECONDS, signal);
      }
    }
  }
}

/** A booking as the services know it, or null: it may have been confirmed by an answer that got lost on its way.
 * `failed` hears why nobody has answered yet. */
export async function asItIs(id, signal, failed) {
  while (!signal.aborted) {
    try {
      return await get(`/bookings/${id}`, { signal });
    } catch (problem) {
      // Somebody has answered, though not with the booking.
      if (problem.status && problem.status < 500) return null;
      failed(problem);
      await pause(ASK_AGAIN_MILLISECONDS, signal);
    }
  }
  return null;
}
