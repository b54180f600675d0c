// How this phone opens the door: by the token of a door link, or as the organizer who is signed in.
import { api, isSignedIn, Problem } from "../api.js";
import { read, remove, write } from "./store.js";

const TOKEN = /^[\w-]{20,100}$/;
const ANSWER_MILLISECONDS = 3000;

export class DoorKey {
  constructor(eventId) {
    this.eventId = eventId;
    this.token = null;
  }

  /** The token leaves the address, which others may see or share, and is kept for this event. */
  async take() {
    const given = location.hash.slice(1);
    if (given) history.replaceState(null, "", location.pathname);
    this.token = TOKEN.test(given) ? given : ((await read("doors", this.eventId))?.token ?? null);
    if (TOKEN.test(given)) await this.keep(given);
  }

  async keep(token) {
    this.token = token;
    await write("doors", { ...(await read("doors", this.eventId)), event_id: this.eventId, token });
  }

  /** A link that opens nothing any more takes the list of tickets along; the scans stay. */
  async drop() {
    this.token = null;
    await remove("doors", this.eventId);
    await remove("snapshots", this.eventId);
  }

  get isKnown() {
    return this.token !== null || isSignedIn();
  }

  /** Raises Problem, with the code "network" also for an answer that takes too long. */
  async call(method, path, options = {}) {
    const signal = AbortSignal.timeout(options.wait ?? ANSWER_MILLISECONDS);
    const headers = { ...options.headers, ...(this.token && { "X-Door-Token": this.token }) };
    const request = { ...options, headers, signal, isPublic: this.token !== null };
    try {
      return await api(method, `/events/${this.eventId}/door${path}`, request);
    } catch (problem) {
      if (problem.name !== "AbortError" && problem.name !== "TimeoutError") throw problem;
      throw new Problem("network", 0);
    }
  }
}

/** No network, a gateway without a service, or a service that cannot answer now: try again later. */
export const isAway = (problem) =>
  problem.code === "network" || problem.status >= 500 || problem.status === 429 || problem.status === 408;
