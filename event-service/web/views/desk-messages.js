// A message to all guests of an event: written, looked at with the number of people, then sent.
import { newKey, post } from "../api.js";
import { mailsText } from "../before-change.js";
import { h, toast } from "../dom.js";
import { count, span } from "../format.js";
import { t } from "../language.js";
import { actionButton, field, form, titleOf, venueOf } from "../parts.js";
import { whoAmI } from "../session.js";

export async function part(desk) {
  const kept = new KeptText(await whoAmI(), desk.event.id);
  const place = h("div", {});
  const write = (focus) => {
    const element = letter(desk, kept, (message, preview) => look(message, preview));
    place.replaceChildren(element);
    if (focus) element.querySelector("input").focus();
  };
  const look = (message, preview) => {
    const node = previewOf(desk, message, preview, {
      key: kept.keyOf(message),
      back: () => write(true),
      sent: (guests) => {
        kept.drop();
        toast(t("letter.sent", { n: guests, count: count(guests) }), "good");
        write(true);
      },
    });
    place.replaceChildren(node);
    node.querySelector("h3").focus();
  };
  write(false);
  return [h("p", { class: "hint letter-hint" }, t("letter.hint")), place];
}

function letter({ event }, kept, previewed) {
  const { subject = "", body = "" } = kept.read();
  const fields = [
    field({ label: t("letter.subject"), name: "subject", required: true, maxlength: 200, value: subject }),
    field({ label: t("letter.body"), name: "body", required: true, rows: 9, maxlength: 20_000, value: body }),
  ];
  const element = form({
    fields,
    submit: t("letter.preview"),
    className: "form letter",
    done: async ({ subject: title, body: text }) => {
      const message = { subject: title, body: text };
      previewed(message, await post(`/events/${event.id}/messages?preview=true`, message));
    },
  });
  element.addEventListener("input", () => kept.write({ ...kept.read(), ...Object.fromEntries(new FormData(element)) }));
  return element;
}

function previewOf({ event, failed, clear }, message, { guests, text }, { key, back, sent }) {
  const send = async () => {
    clear();
    await post(`/events/${event.id}/messages`, message, { headers: { "Idempotency-Key": key } });
    sent(guests);
  };
  const words = t("letter.send", { n: guests, count: count(guests) });
  return h(
    "section",
    { class: "letter-preview", "aria-labelledby": "letter-preview" },
    h("h3", { id: "letter-preview", tabindex: -1 }, t("letter.will-read")),
    h("div", { class: "paper" }, paper(event, text)),
    h("p", { class: guests ? "mail-count" : "alert" }, mailsText(guests)),
    h(
      "div",
      { class: "actions" },
      guests > 0 && actionButton(words, "primary", send, failed),
      h("button", { type: "button", class: "quiet", onclick: back }, t("letter.change")),
    ),
  );
}

/** The words as the service has them; the event, which stands last, as mails write it. */
function paper(event, text) {
  const words = text.split("\n\n").slice(0, -1);
  return [
    words.map((paragraph) => h("p", { class: "prose", dir: "auto" }, paragraph)),
    h("p", { class: "hint" }, h("strong", { dir: "auto" }, titleOf(event)), h("br"), span(event), h("br"), venueOf(event)),
  ];
}

/** What was typed, until it is sent: another part of the desk, or a reload, does not lose it. */
class KeptText {
  constructor(user, id) {
    this.key = `parterre-letter:${user?.id}:${id}`;
  }

  read() {
    try {
      return JSON.parse(sessionStorage.getItem(this.key)) ?? {};
    } catch {
      return {};
    }
  }

  /** A name for the sending of this text: nobody gets it twice because an answer was lost. */
  keyOf(message) {
    const text = JSON.stringify(message);
    const { sending } = this.read();
    if (sending?.text === text) return sending.key;
    const key = newKey();
    this.write({ ...message, sending: { text, key } });
    return key;
  }

  write(text) {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(text));
    } catch {
      // Storage is full or turned off: the text stands in the form.
    }
  }

  drop() {
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // As above.
    }
  }
}
