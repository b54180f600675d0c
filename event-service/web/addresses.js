// The page's addresses. Views have paths of their own; what older links and mails have behind `#/` leads
// there. The token of a link in a mail stays behind the `#`: no server sees it, and none writes it down.

/** A path without needless slashes: `//elsewhere` would be another host. */
const tidy = (path) => `/${path.replace(/^\/+|\/+$/g, "")}`;

/** "/events?q=jazz#x" in parts. */
export function parse(address) {
  const { pathname, searchParams, hash } = new URL(address, location.origin);
  return { path: tidy(pathname), query: searchParams, fragment: hash.slice(1) };
}

/** The address of this window, from its path on. */
export const here = () => location.pathname + location.search + location.hash;

/** An address of this page without its fragment, or null: what comes from outside must not lead elsewhere. */
export function ownAddress(text) {
  if (!text?.startsWith("/")) return null;
  try {
    const url = new URL(text, location.origin);
    return url.origin === location.origin ? tidy(url.pathname) + url.search : null;
  } catch {
    return null;
  }
}

/** "#/verify?token=x" as "/verify#x", "#/events/1" as "/events/1"; null for any other fragment. */
export function addressOfOldLink(hash) {
  if (!hash.startsWith("#/")) return null;
  const { path, query } = parse(tidy(hash.slice(1)));
  const token = query.get("token");
  query.delete("token");
  return path + (String(query) && `?${query}`) + (token ? `#${token}` : "");
}

/** Follows links within the page without loading it anew; `follows` says whether a path is one of its own. */
export function interceptLinks(follows, go) {
  document.addEventListener("click", (event) => {
    const isPlain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    const link = event.target.closest?.("a[href]");
    if (!link || !isPlain || event.defaultPrevented || link.target || link.hasAttribute("download")) return;
    if (link.getAttribute("href").startsWith("#") && !addressOfOldLink(link.hash)) return;
    if (link.origin !== location.origin || !follows(tidy(link.pathname))) return;
    event.preventDefault();
    go(addressOfOldLink(link.hash) ?? link.pathname + link.search + link.hash);
  });
}
