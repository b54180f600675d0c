// Scans on their way to the server: on the disk first, then sent, each once by its id.
import { newKey, serverNow } from "../api.js";
import { isAway } from "./key.js";
import { remove, scansOf, write } from "./store.js";

const MAX_SCANS = 100;
const LONGER = 15_000;

/** Events: "changed" (a scan, the network or a conflict), "closed" (the link opens nothing any more). */
export class Outbox extends EventTarget {
  constructor(key, tickets) {
    super();
    Object.assign(this, { key, tickets, scans: [], isOnline: navigator.onLine, counts: null });
    this.sending = null;
  }

  async open() {
    this.scans = await scansOf(this.key.eventId);
  }

  get waiting() {
    return this.scans.filter((scan) => scan.state === "waiting");
  }

  /** Let in here, while the server has another answer: the door has to know. */
  get conflicts() {
    return this.scans.filter((scan) => scan.is_good && scan.state === "sent" && scan.result !== "checked-in");
  }

  changed() {
    this.dispatchEvent(new Event("changed"));
  }

  setOnline(isOnline) {
    if (this.isOnline === isOnline) return;
    this.isOnline = isOnline;
    this.changed();
  }

  /** A scan of `{ticket_code}` or `{seat_id}`, which is stored nowhere yet. */
  create(target, more = {}) {
    // Of several phones the clock of one may be wrong.
    const at = new Date(serverNow()).toISOString();
    return { id: newKey(), event_id: this.key.eventId, target, scanned_at: at, state: "asked", ...more };
  }

  /** Notes changes of a scan; on the disk before it resolves. */
  async update(scan, changes) {
    Object.assign(scan, changes);
    if (!this.scans.includes(scan)) this.scans.push(scan);
    await write("scans", scan);
    this.changed();
  }

  async discard(scan) {
    this.scans = this.scans.filter((other) => other !== scan);
    await remove("scans", scan.id);
    this.changed();
  }

  /** Names and codes of guests that the server has: they are not left to a phone that opens nothing any more. */
  async forgetSent() {
    for (const scan of this.scans) if (scan.state !== "waiting") await remove("scans", scan.id);
  }

  /** Sends these scans now, and notes the answers. Raises Problem. */
  async send(scans, wait) {
    for (const scan of scans) scan.is_tried = true;
    const body = { scans: scans.map(({ id, target, scanned_at }) => ({ id, scanned_at, ...target })) };
    const answer = await this.call("POST", "/scans", { body, wait });
    this.counts = { checked_in: answer.checked_in, capacity: answer.capacity };
    const byId = new Map(answer.results.map((result) => [result.id.replaceAll("-", ""), result]));
    for (const scan of scans) {
      const { id, ...result } = byId.get(scan.id);
      await this.update(scan, { ...result, state: "sent", id: scan.id });
    }
  }

  /** As the key calls, and notes whether there is a network. */
  async call(method, path, options) {
    try {
      const answer = await this.key.call(method, path, options);
      this.setOnline(true);
      return answer;
    } catch (problem) {
      this.setOnline(!isAway(problem));
      if (problem.status === 401) this.dispatchEvent(new CustomEvent("closed", { detail: problem }));
      throw problem;
    }
  }

  /** Sends all that wait, the oldest first. Once at a time; whether nothing is left. */
  flush() {
    this.sending ??= this.sendWaiting().finally(() => {
      this.sending = null;
    });
    return this.sending;
  }

  async sendWaiting() {
    while (this.waiting.length) {
      const batch = this.waiting.slice(0, MAX_SCANS);
      try {
        await this.send(batch, LONGER);
      } catch (problem) {
        if (isAway(problem) || problem.status === 401) return false;
        await this.sendOneByOne(batch);
      }
    }
    return true;
  }

  /** One that the server does not take keeps no others back. */
  async sendOneByOne(batch) {
    for (const scan of batch) {
      try {
        await this.send([scan], LONGER);
      } catch (problem) {
        if (isAway(problem) || problem.status === 401) throw problem;
        await this.update(scan, { state: "sent", result: "refused" });
      }
    }
  }

  /** Takes a check-in back: here while it waits, else at the server. Raises Problem. */
  async undo(scan) {
    if (scan.state === "waiting" && !scan.is_tried) await this.discard(scan);
    else {
      if (scan.state === "waiting") await this.send([scan]);
      const code = scan.ticket_code ?? scan.target.ticket_code;
      await this.call("DELETE", `/check-ins/${encodeURIComponent(code)}`);
      await this.update(scan, { state: "undone", is_good: false });
      if (this.counts && scan.result === "checked-in") this.counts.checked_in -= 1;
    }
    this.tickets.forget(scan);
    this.changed();
  }
}
