// The event's valid tickets as hashes: what a phone without a network decides by.
import { hashOf } from "./codes.js";
import { read, write } from "./store.js";

export class Tickets {
  constructor(key) {
    this.key = key;
    this.at = null;
    this.etag = null;
    this.byHash = new Map();
    // Hashes with the time at which this phone let somebody in.
    this.admitted = new Map();
  }

  get count() {
    return this.byHash.size;
  }

  async open(scans) {
    const kept = await read("snapshots", this.key.eventId);
    if (kept) this.show(kept);
    for (const scan of scans) if (scan.is_good) this.admit(scan);
  }

  show({ at, etag, tickets }) {
    Object.assign(this, { at, etag });
    this.byHash = new Map(tickets.map((ticket) => [ticket.hash, ticket]));
  }

  /** Downloads what has changed. Raises Problem. */
  async refresh() {
    const at = Date.now();
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    let response;
    try {
      response = await this.key.call("GET", "/snapshot", { headers, as: "response", wait: 60_000 });
    } catch (problem) {
      if (problem.status !== 304) throw problem;
      this.at = at;
      return;
    }
    const { tickets } = await response.json();
    const snapshot = { event_id: this.key.eventId, at, etag: response.headers.get("ETag"), tickets };
    this.show(snapshot);
    await write("snapshots", snapshot);
  }

  admit(scan) {
    if (scan.hash) this.admitted.set(scan.hash, scan.scanned_at);
  }

  forget(scan) {
    this.admitted.delete(scan.hash);
    const ticket = this.byHash.get(scan.hash);
    if (ticket) ticket.is_checked_in = false;
  }

  /** What this phone knows of a code: `result` as the server would say it, or "unsure" for a ticket that
   * may have been sold after the list was made. */
  async judge(code) {
    const hash = await hashOf(this.key.eventId, code);
    const ticket = hash && this.byHash.get(hash);
    if (!ticket) return { result: "unsure", hash };
    const { section, row, number } = ticket;
    const seat = { section, row, number };
    const admittedAt = this.admitted.get(hash) ?? null;
    const isIn = ticket.is_checked_in || admittedAt !== null;
    return { result: isIn ? "already-checked-in" : "checked-in", hash, seat, checked_in_at: admittedAt };
  }
}
