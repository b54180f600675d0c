// Booking so that a second click, a lost answer or a retry never books twice.
import { api, newKey } from "./api.js";
import { pause } from "./dom.js";

const RETRY_MILLISECONDS = 700;
const RETRIES = 8;

export class Purchase {
  #attempt = null;

  /** The booking. The key stays the same until it is known how the attempt ended. */
  async book(wanted, signal) {
    const body = JSON.stringify(wanted);
    if (this.#attempt?.body !== body) this.#attempt = { body, key: newKey() };
    const headers = { "Idempotency-Key": this.#attempt.key };
    for (let tries = 0; ; tries += 1) {
      try {
        const booking = await api("POST", "/bookings", { body: wanted, headers });
        this.#attempt = null;
        return booking;
      } catch (problem) {
        const isRunning = problem.code === "request-in-progress";
        const isOpen = isRunning || !problem.status || problem.status >= 500;
        if (!isOpen) this.#attempt = null;
        if (!isRunning || tries >= RETRIES) throw problem;
        await pause(RETRY_MILLISECONDS, signal);
      }
    }
  }
}
