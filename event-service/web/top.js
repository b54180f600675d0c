// The frame's head: where one may go, and who one is. On a phone it is one row, with the rest in a menu.
import { isSignedIn } from "./account-guard.js";
import { add, h, icon } from "./dom.js";
import { t } from "./language.js";

const NAVIGATION = [
  ["/", "events"],
  ["/bookings", "my-bookings"],
  ["/my-events", "my-events"],
];

const top = document.getElementById("top");

/** Draws it for whoever is signed in now. Returns the link to the account, or null. */
export function drawTop(leave) {
  const links = NAVIGATION.slice(0, isSignedIn() ? 3 : 1).map(([path, word]) => h("a", { href: path }, t(word)));
  const person = h("div", { class: "person" });
  const places = h("div", { class: "places", id: "places" });
  add(places, [h("nav", { "aria-label": t("main-navigation") }, links), person]);
  top.classList.remove("open");
  top.classList.toggle("signed-in", isSignedIn());
  top.replaceChildren(brand(), ...(isSignedIn() ? [menuButton()] : []), places);
  if (!isSignedIn()) {
    person.append(h("a", { href: "/sign-in", class: "button primary small" }, t("sign-in")));
    return null;
  }
  const name = h("a", { href: "/account", class: "name", dir: "auto" }, t("account"));
  add(person, [name, h("button", { type: "button", class: "quiet small", onclick: leave }, t("sign-out"))]);
  return name;
}

function brand() {
  return h(
    "a",
    { class: "brand", href: "/", "aria-label": "Parterre" },
    h("span", { class: "mark", "aria-hidden": "true" }),
    "Parterre",
  );
}

function menuButton() {
  return h(
    "button",
    {
      type: "button",
      class: "menu-button quiet small",
      "aria-expanded": "false",
      "aria-controls": "places",
      onclick: () => open(!top.classList.contains("open")),
    },
    icon("menu"),
    t("menu"),
  );
}

function open(isOpen) {
  top.classList.toggle("open", isOpen);
  top.querySelector(".menu-button")?.setAttribute("aria-expanded", String(isOpen));
}

export function markCurrent(path) {
  open(false);
  for (const link of top.querySelectorAll("nav a")) {
    const target = link.getAttribute("href");
    const isHere = target === "/" ? path === "/" || path.startsWith("/events") : path.startsWith(target);
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

// The menu covers what is below: it closes as soon as somebody turns to that.
document.addEventListener("pointerdown", ({ target }) => !top.contains(target) && open(false));
top.addEventListener("focusout", ({ relatedTarget }) => {
  if (relatedTarget && !top.contains(relatedTarget)) open(false);
});
top.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape" || !top.classList.contains("open")) return;
  open(false);
  top.querySelector(".menu-button").focus();
});
