// Addresses in what people wrote become links: of https only, and built as elements.
import { h } from "./dom.js";

// Up to a space, a sign that ends no address, or one that turns the direction of what follows.
const ADDRESS = /https:\/\/[^\s<>"'\x60{}|\\^\p{Cc}\p{Cf}]+/gu;
const TAIL = ".,;:!?…»”’*_~";
const PAIRS = { ")": "(", "]": "[" };
// Up to where browsers see a host's end. One of ASCII letters, or wholly of Cyrillic ones, is shown as it was written.
const HOST = /^https:\/\/[^/?#]*/;
const PLAIN = /^https:\/\/(?:[\w.-]+|[\p{Script=Cyrillic}\d.-]+)(?::\d+)?$/u;

/** Somebody's address may have a `?` in it, behind which a mail program reads other recipients and a text. */
export const mailTo = (email) => `mailto:${encodeURIComponent(email).replaceAll("%40", "@")}`;

/** Text and links, in their order. */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const written = withoutTail(found);
    const url = safe(written);
    if (!url) continue;
    parts.push(text.slice(end, index), link(url, written));
    end = index + written.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

function link({ href, host }, written) {
  const rel = "noopener noreferrer nofollow ugc";
  return h("a", { href, target: "_blank", rel }, h("bdi", {}, written.replace(HOST, (start) => honest(start, host))));
}

/** A sign that looks like another one, such as a slash that ends no host, does not pass for it. */
const honest = (start, host) => (PLAIN.test(start) ? start : `https://${host}`);

/** Without what ends the sentence around it, and a bracket that was opened before it. From the end, once:
 * somebody may write nothing but brackets. */
function withoutTail(address) {
  const count = {};
  for (const sign of address) count[sign] = (count[sign] ?? 0) + 1;
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1];
    const open = PAIRS[last];
    if (open && count[last] > (count[open] ?? 0)) count[last] -= 1;
    else if (!TAIL.includes(last)) break;
  }
  return address.slice(0, end);
}

/** No name or password before the host: it would pass for the host. */
function safe(address) {
  try {
    const url = new URL(address);
    const { protocol, username, password, hostname } = url;
    return protocol === "https:" && !username && !password && hostname.includes(".") ? url : null;
  } catch {
    return null;
  }
}
