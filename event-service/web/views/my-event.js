// The desk of an event, in parts with addresses of their own. What a part needs is loaded with it.
import { get } from "../api.js";
import { PART_ICONS, partAddress } from "../desk/parts.js";
import { h, icon } from "../dom.js";
import { span } from "../format.js";
import { draftMap } from "../hall/draft-map.js";
import { isolate, t } from "../language.js";
import { alert, availability as seatsBadge, explain, titleOf, venueOf } from "../parts.js";
import { addStyles } from "../styles.js";

const LOADERS = {
  overview: () => import("./desk-overview.js"),
  guests: () => import("./desk-guests.js"),
  waiting: () => import("./desk-waiting.js"),
  messages: () => import("./desk-messages.js"),
  door: () => import("./desk-door.js"),
  settings: () => import("./desk-settings.js"),
};
// Nobody can have booked a draft.
const DRAFT_PARTS = ["overview", "settings"];

// Whose parts are leafed through: then the focus goes to the part and not back to the title.
let shownId = null;

export async function render({ params: [id, name = "overview"], signal, go }) {
  const isSwitch = shownId === id;
  const [event, part] = await Promise.all([
    get(`/events/${id}`, { signal }),
    LOADERS[name](),
    addStyles("desk.css"),
    addStyles("desk-parts.css"),
  ]);
  const node = h("article", { class: "desk" });
  const desk = { event, signal, go, name };
  /** After a change of the event all of it is drawn anew. */
  desk.become = async (changed) => {
    desk.event = changed;
    await draw(node, desk, part);
    focusPart(node);
  };
  await draw(node, desk, part);
  shownId = id;
  const shown = () => {
    window.scrollTo(0, 0);
    if (isSwitch) focusPart(node);
  };
  signal.addEventListener("abort", () => location.href.includes(id) || (shownId = null), { once: true });
  return { title: `${isolate(titleOf(event))} · ${t(`desk.${name}`)}`, node, shown };
}

function focusPart(node) {
  const heading = node.querySelector(".desk-part h2");
  heading.tabIndex = -1;
  heading.focus({ preventScroll: true });
}

async function draw(node, desk, { part }) {
  const heading = h("h2", { class: desk.name === "overview" && "sr" }, t(`desk.${desk.name}`));
  const problems = h("div", {});
  desk.failed = (problem) => {
    problems.replaceChildren(alert(explain(problem)));
    problems.scrollIntoView({ block: "nearest" });
  };
  desk.clear = () => problems.replaceChildren();
  const content = await part(desk);
  const section = h("section", { class: `desk-part desk-${desk.name}` }, heading, problems, content);
  const { event } = desk;
  const hasPlan = event.status === "draft" && event.seating === "assigned" && desk.name === "overview";
  const hall = hasPlan ? [draftMap(event, desk.signal)] : [];
  node.replaceChildren(header(event), parts(desk), section, ...hall);
}

const header = (event) =>
  h(
    "header",
    { class: "desk-head" },
    h("a", { href: "/my-events", class: "back" }, icon("back"), t("my-events")),
    h("div", { class: "desk-title" }, h("h1", { dir: "auto" }, titleOf(event)), seatsBadge(event)),
    h("p", { class: "desk-when" }, span(event), " · ", venueOf(event)),
  );

function parts({ event, name: here }) {
  const names = Object.keys(LOADERS).filter(
    (name) => event.status !== "draft" || name === here || DRAFT_PARTS.includes(name),
  );
  const link = (name) =>
    h(
      "a",
      { href: partAddress(event, name), "aria-current": name === here && "page" },
      icon(name, PART_ICONS[name]),
      h("span", {}, t(`desk.${name}`)),
    );
  return h("nav", { class: "desk-parts", "aria-label": t("desk.parts") }, names.map(link));
}
