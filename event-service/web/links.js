// Addresses in what people wrote become links: of https only, and built as elements.
import { h } from "./dom.js";

// Up to a space, a sign that ends no address, or one that turns the direction of what follows.
const ADDRESS = /https:\/\/[^\s<>"'`{}|\\^\p{Cc}\p{Cf}]+/gu;
const TAIL = /[.,;:!?…»”’*_~]+$/u;
const PAIRS = { ")": "(", "]": "[" };

/** Text and links, in their order. */
export function linked(text) {
  const parts = [];
  let end = 0;
  for (const { 0: found, index } of text.matchAll(ADDRESS)) {
    const written = withoutTail(found);
    const href = safe(written);
    if (!href) continue;
    parts.push(text.slice(end, index), h("a", { href, target: "_blank", rel: "noopener noreferrer nofollow ugc" }, h("bdi", {}, written)));
    end = index + written.length;
  }
  parts.push(text.slice(end));
  return parts.filter((part) => part !== "");
}

/** Without what ends the sentence around it, and a bracket that was opened before it. */
function withoutTail(address) {
  const shorter = address.replace(TAIL, "");
  const last = shorter.at(-1);
  const open = PAIRS[last];
  const isAround = open && shorter.split(last).length > shorter.split(open).length;
  const cut = isAround ? shorter.slice(0, -1) : shorter;
  return cut === address ? address : withoutTail(cut);
}

/** No name or password before the host: it would pass for the host. */
function safe(address) {
  try {
    const { protocol, username, password, hostname, href } = new URL(address);
    return protocol === "https:" && !username && !password && hostname.includes(".") ? href : null;
  } catch {
    return null;
  }
}
