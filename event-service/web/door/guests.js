// Guests by name, for whoever comes without a ticket. Names are never kept on the phone.
import { query } from "../api.js";
import { h } from "../dom.js";
import { clock } from "../format.js";
import { t } from "../language.js";
import { actionButton, explain, field, form, placeName } from "../parts.js";
import { isAway } from "./key.js";

const MIN_LETTERS = 2;

export function guestButton({ outbox, timezone, admit }) {
  const open = () => guestDialog({ outbox, timezone, admit });
  return h("button", { type: "button", class: "quiet wide-button", onclick: open }, t("door.find"));
}

function guestDialog({ outbox, timezone, admit }) {
  const name = field({
    label: t("door.find-label"),
    name: "q",
    type: "search",
    maxlength: 200,
    required: true,
    autocomplete: "off",
    hint: t("door.find-hint"),
    check: (text) => text.trim().length < MIN_LETTERS && t("door.find-short"),
  });
  const said = h("p", { class: "hint", role: "status" });
  const list = h("ul", { class: "rows guests" });
  const dialog = h("dialog", { class: "ask find-guests", "aria-labelledby": "find-title" });
  const choose = async (guest) => {
    dialog.close();
    await admit(guest);
  };
  const find = form({
    fields: [name],
    submit: t("find"),
    done: async ({ q }) => {
      list.replaceChildren();
      said.textContent = "";
      try {
        const guests = await outbox.call("GET", `/guests${query({ q: q.trim() })}`);
        said.textContent = found(guests);
        list.replaceChildren(...guests.items.map((guest) => row(guest, timezone, choose, said)));
      } catch (problem) {
        if (problem.status === 401) dialog.close();
        else if (isAway(problem)) said.textContent = t("door.find-offline");
        else throw problem;
      }
    },
  });
  dialog.append(
    h("h2", { id: "find-title" }, t("door.find-title")),
    find,
    said,
    list,
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, t("door.close")),
    ),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  name.input.focus();
}

function found({ items, has_more: hasMore }) {
  if (!items.length) return t("door.find-none");
  const text = t("door.find-found", { n: items.length });
  return hasMore ? `${text}. ${t("door.find-more")}` : text;
}

function row(guest, timezone, choose, said) {
  const { guest_name: name, seat, checked_in_at: at } = guest;
  const failed = (problem) => (said.textContent = explain(problem));
  const button = at ? null : actionButton(t("door.check-in"), "primary small", () => choose(guest), failed);
  button?.setAttribute("aria-label", t("door.check-in-of", { name, seat: placeName(seat) }));
  return h(
    "li",
    {},
    h(
      "p",
      {},
      h("strong", { dir: "auto" }, name),
      h("span", { class: "hint", dir: "auto" }, placeName(seat)),
      at && h("span", { class: "hint" }, t("door.guest-in", { time: clock(at, timezone) })),
    ),
    button,
  );
}
