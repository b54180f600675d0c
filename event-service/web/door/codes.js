// Ticket codes, read as the server reads them (bookings/ticket_codes.py).
const CODE_CHARACTERS = 16;
const HASH_CHARACTERS = 32;
const SEPARATORS = /[\p{Zs}\p{Zl}\p{Zp}\p{Pd}\p{Cc}\p{Cf}]/gu;
const MISREAD = { O: "0", I: "1", L: "1" };
const TICKET = /^(?:[0-9A-HJKMNP-TV-Z]{16}|[0-9A-F]{30})$/;

/** "7k3m 9qxt 2bva wd5h" as "7K3M-9QXT-2BVA-WD5H"; an old code as its 30 digits; null for what cannot be a ticket's. */
export function ticketCode(text) {
  const code = text
    .replace(SEPARATORS, "")
    .toUpperCase()
    .replace(/[OIL]/g, (character) => MISREAD[character]);
  if (!TICKET.test(code)) return null;
  return code.length === CODE_CHARACTERS ? code.match(/.{4}/g).join("-") : code;
}

/** The name of a code in the event's snapshot; null where the browser has no cryptography (no TLS). */
export async function hashOf(eventId, code) {
  if (!globalThis.crypto?.subtle) return null;
  const content = new TextEncoder().encode(`${eventId}:${code.replaceAll("-", "")}`);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const hex = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.slice(0, HASH_CHARACTERS);
}

/** The token of a door link of this event, or null: links are scanned and pasted where none is known. */
export function linkToken(text, eventId) {
  const found = /\/events\/([0-9a-f-]{36})\/door#([\w-]{20,100})$/.exec(text.trim());
  return found?.[1] === eventId ? found[2] : null;
}
