// Styles of views that most people never open come with them.
const added = new Map();

/** Resolves once the file (such as "tickets.css") applies, or cannot be had: a plain view is better than none. */
export function addStyles(name) {
  if (!added.has(name)) added.set(name, load(new URL(name, import.meta.url).href));
  return added.get(name);
}

function load(href) {
  return new Promise((resolve) => {
    const link = document.createElement("link");
    Object.assign(link, { rel: "stylesheet", href, onload: resolve, onerror: resolve });
    document.head.append(link);
  });
}
