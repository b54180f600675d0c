// Elements without a framework. What comes from people only ever becomes a text node or an attribute.

/** h("p", {class: "hint", onclick: f}, "text", node, null) */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties ?? {})) set(element, name, value);
  add(element, children);
  return element;
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "data") Object.assign(element.dataset, value);
  else if (name === "value") element.value = value;
  else element.setAttribute(name, value === true ? "" : value);
}

export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

/** What people wrote, within a line of ours. */
export const written = (text) => h("bdi", {}, text);

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  place:
    "M12 21s-7-6.2-7-11.2A7 7 0 0 1 19 9.8C19 14.8 12 21 12 21zm0-8.5a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4z",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5.3l3.4 2",
  seat: "M7 11V6.5A2.5 2.5 0 0 1 9.5 4h5A2.5 2.5 0 0 1 17 6.5V11M4.5 11.5v4A2.5 2.5 0 0 0 7 18h10a2.5 2.5 0 0 0 2.5-2.5v-4M7 11.5V14h10v-2.5M7.5 18v2M16.5 18v2",
  ticket: "M4 7h16v3.2a2 2 0 0 0 0 3.6V17H4v-3.2a2 2 0 0 0 0-3.6zM14 7.5v9",
  search: "M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5 20 20",
  back: "M14.5 5.5 8 12l6.5 6.5",
  person: "M12 11.5a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5zM4.5 20a7.5 7.5 0 0 1 15 0",
  undo: "M8.5 5 4 9.5 8.5 14M4.5 9.5h9a5.25 5.25 0 0 1 0 10.5H9",
  calendar: "M5 6h14v14H5zM5 10.5h14M8.5 3.5V8M15.5 3.5V8",
  share: "M12 14.5V3.5M8 7l4-4 4 4M6 11.5H5v9h14v-9h-1",
  menu: "M4 7h16M4 12h16M4 17h16",
};

/** As `h`, for SVG: s("rect", {x: 1, class: "bar"}, child) */
export function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes))
    if (value !== null && value !== false) element.setAttribute(name, value);
  return add(element, children);
}

/** Decoration: the words beside it say the same. `d` draws what is not among ours. */
export const icon = (name, d = ICONS[name]) =>
  s("svg", { viewBox: "0 0 24 24", class: "icon", "aria-hidden": "true" }, s("path", { d }));

const TOAST_MILLISECONDS = 6000;
const CONTROLS = "a[href], button, input, select, textarea, summary, [role=button], [tabindex='0']";
const GAP_PIXELS = 8;

/** Says something to everybody, screen readers too, without taking the focus, and without covering what can
 * be pressed. */
export function toast(text, kind = "info") {
  const note = h("p", { class: `toast ${kind}`, dir: "auto" }, text);
  const box = document.getElementById("toasts");
  box.append(note);
  keepClear();
  // What is said often goes with what is drawn next.
  requestAnimationFrame(keepClear);
  setTimeout(() => note.remove(), TOAST_MILLISECONDS);
}

/** Moves the messages to the lowest place where they cover no control; where there is none, to the bottom. */
function keepClear() {
  const box = document.getElementById("toasts");
  if (!box.hasChildNodes()) return;
  box.style.bottom = "";
  const { height, bottom } = box.getBoundingClientRect();
  const notes = [...box.children].map((note) => note.getBoundingClientRect());
  const [left, right] = [Math.min(...notes.map((note) => note.left)), Math.max(...notes.map((note) => note.right))];
  const inTheWay = [...document.querySelectorAll(CONTROLS)]
    .map((control) => control.getBoundingClientRect())
    .filter((rect) => rect.width && rect.right > left && rect.left < right && rect.bottom > 0 && rect.top < innerHeight)
    .sort((one, other) => other.bottom - one.bottom);
  let free = bottom;
  for (const rect of inTheWay) {
    if (rect.bottom + GAP_PIXELS <= free - height) break;
    if (rect.top < free) free = rect.top - GAP_PIXELS;
  }
  if (free >= height) box.style.bottom = `${innerHeight - free}px`;
}

for (const change of ["scroll", "resize"]) window.addEventListener(change, keepClear, { passive: true });

/** Resolves to whether the person agreed. `mayAgree` false keeps the dialog open: it says itself what is missing. */
export function ask({ title, text, yes, no, content, kind = "danger", mayAgree = () => true }) {
  return new Promise((resolve) => {
    const dialog = h(
      "dialog",
      { class: "ask", "aria-labelledby": "ask-title" },
      h("h2", { id: "ask-title" }, title),
      text && h("p", {}, text),
      content,
      h(
        "div",
        { class: "actions" },
        h("button", { type: "button", class: "quiet", onclick: () => dialog.close("") }, no),
        h("button", { type: "button", class: `primary ${kind}`, onclick: () => mayAgree() && dialog.close("yes") }, yes),
      ),
    );
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** A blob's file, for what needs the session to be fetched. */
export function download(blob, name) {
  const url = URL.createObjectURL(blob);
  const link = h("a", { href: url, download: name, hidden: true });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Resolves after the time, or at once when the view is left. */
export function pause(milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
