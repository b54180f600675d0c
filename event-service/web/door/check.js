// From a code to an answer: by the server, or by the list on this phone while there is no network.
import { hashOf, ticketCode } from "./codes.js";
import { isAway } from "./key.js";

/** What is to be shown is `{result, seat, guest_name, checked_in_at, checked_in_door, isKept, scan}`:
 * `result` is the server's word, or "no-ticket", "no-network", "unsure"; `isKept` says that the server has
 * not heard of it yet. */
export class Checker {
  constructor(outbox, tickets) {
    Object.assign(this, { outbox, tickets });
  }

  async checkText(text) {
    const code = ticketCode(text);
    if (code === null) return { result: "no-ticket" };
    const hash = await hashOf(this.tickets.key.eventId, code);
    const scan = this.outbox.create({ ticket_code: code }, { hash });
    return (await this.ask(scan)) ?? this.decide(scan);
  }

  async checkGuest({ seat, guest_name }) {
    const scan = this.outbox.create({ seat_id: seat.id }, { seat, guest_name });
    return (await this.ask(scan)) ?? (scan.is_tried ? this.keep(scan) : { result: "no-network" });
  }

  /** The server's answer; null where there is none. Raises Problem where it does not take the scan. */
  async ask(scan) {
    if (!this.outbox.isOnline) return null;
    try {
      await this.outbox.send([scan]);
    } catch (problem) {
      if (isAway(problem)) return null;
      throw problem;
    }
    if (scan.result === "checked-in") {
      this.tickets.admit(scan);
      await this.outbox.update(scan, { is_good: true });
    }
    return { ...scan, scan, isKept: false };
  }

  async decide(scan) {
    const judged = await this.tickets.judge(scan.target.ticket_code);
    if (judged.result !== "checked-in") return { ...judged, scan, isKept: false };
    return this.keep(Object.assign(scan, { seat: judged.seat }));
  }

  /** Lets in without the server; also where this phone is unsure, when a person says so. A scan that was
   * sent without an answer keeps its id, so that it counts once. */
  async keep(scan) {
    await this.outbox.update(scan, { state: "waiting", is_good: true, result: "checked-in" });
    this.tickets.admit(scan);
    return { ...scan, scan, isKept: true };
  }
}
