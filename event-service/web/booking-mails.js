// What was mailed about a booking, what became of each mail, and sending it again.
import { get, post, query as search } from "./api.js";
import { h, pause, toast } from "./dom.js";
import { has, language, t } from "./language.js";
import { actionButton, alert, explain } from "./parts.js";
import { dayAndTime } from "./when.js";

// Then whoever waits loads the page anew.
const LOOKS = 12;
const LOOK_MILLISECONDS = 1500;
const SLOWER = 1.3;
const FINISHED = ["sent", "failed", "dropped"];

/** A place that fills itself: the booking does not wait for another service. Its `follow()` looks for a mail that
 * is on its way. */
export function bookingMails(booking, signal) {
  const shown = new Set();
  const list = h("ul", { class: "rows mails" });
  const none = h("p", { class: "hint", hidden: true }, t("no-mails"));
  const more = h("div", {});
  const page = (cursor) => get(`/notifications${search({ booking_id: booking.id, cursor })}`, { signal });
  const add = (mails, place) => {
    const fresh = mails.filter(({ id }) => !shown.has(id));
    for (const { id } of fresh) shown.add(id);
    list[place](...fresh.map((mail) => row(mail, signal)));
    none.hidden = shown.size > 0;
    return fresh.length > 0;
  };
  const load = async (cursor) => {
    const { items, next_cursor: next } = await page(cursor);
    add(items, "append");
    more.replaceChildren(...(next ? [actionButton(t("more"), "quiet small", () => load(next), failed)] : []));
  };
  const failed = (problem) => {
    const again = actionButton(t("try-again"), "quiet small", () => load(), failed);
    more.replaceChildren(alert(explain(problem)), again);
  };
  const section = h(
    "section",
    { class: "mails-section no-print", "aria-labelledby": "mails-title" },
    h("h2", { id: "mails-title" }, t("mails")),
    list,
    none,
    more,
  );
  section.follow = () => lookFor(async () => add((await page()).items, "prepend"), signal).catch(() => null);
  load().then(
    // Whoever comes from booking is faster than the mail.
    () => shown.size || booking.status !== "confirmed" || section.follow(),
    (problem) => problem.name === "AbortError" || failed(problem),
  );
  return section;
}

/** A few times, ever more rarely, until `look` finds something. */
async function lookFor(look, signal) {
  for (let looks = 0; looks < LOOKS; looks += 1) {
    await pause(LOOK_MILLISECONDS * SLOWER ** looks, signal);
    if (signal.aborted || (await look())) return;
  }
}

function row(mail, signal) {
  const element = h("li", {});
  draw(element, mail, signal);
  if (!FINISHED.includes(mail.status)) watch(element, mail, signal).catch(() => null);
  return element;
}

function draw(element, mail, signal) {
  const problems = h("div", {});
  element.replaceChildren(
    h(
      "div",
      {},
      h("p", { class: "mail-kind" }, has(`mail.${mail.kind}`) ? t(`mail.${mail.kind}`) : t("mail.other")),
      h("p", { class: "hint", role: "status" }, becameOf(mail)),
      problems,
    ),
    isResendable(mail) ? resendButton(element, mail, signal, problems) : "",
  );
}

const isResendable = ({ status }) => status === "sent" || status === "failed";

function resendButton(element, mail, signal, problems) {
  const work = async () => {
    await post(`/notifications/${mail.id}/resend`);
    toast(t("mail-queued"), "good");
    draw(element, { ...mail, status: "queued", attempts: 0, timeline: [] }, signal);
    // The button is gone meanwhile.
    element.tabIndex = -1;
    element.focus({ preventScroll: true });
    watch(element, mail, signal).catch(() => null);
  };
  const button = actionButton(t("mail-resend"), "quiet small", work, (problem) => {
    const isTooOften = problem.status === 429 && problem.retryAfter > 60;
    const text = isTooOften ? t("mail-too-often", { n: Math.ceil(problem.retryAfter / 60) }) : explain(problem);
    problems.replaceChildren(alert(text));
  });
  const kind = has(`mail.${mail.kind}`) ? t(`mail.${mail.kind}`) : t("mail.other");
  button.setAttribute("aria-label", `${t("mail-resend")}: ${kind}`);
  return button;
}

/** Looks what becomes of it; the words change where they stand. */
const watch = (element, mail, signal) =>
  lookFor(async () => {
    const now = await get(`/notifications/${mail.id}`, { signal });
    draw(element, now, signal);
    return FINISHED.includes(now.status);
  }, signal);

/** "Sent today, 14:05", or why it was not, as far as we have the words. */
function becameOf(mail) {
  const note = mail.timeline.at(-1)?.note ?? mail.last_error;
  const why = mail.status === "failed" ? (mail.last_error ?? note) : note;
  if (mail.status === "sent") return t("mail-sent-at", { when: dayAndTime(mail.sent_at) });
  const words = wordsOf(why);
  if (mail.status === "queued" && mail.attempts > 0 && words) return t("mail-tried", { why: words });
  if (mail.status === "queued") return words ? t("mail-queued-why", { why: words }) : t("mail-waiting");
  return words ? t(`mail-${mail.status}-why`, { why: words }) : t(`mail-${mail.status}`);
}

// What the service notes, in English, and our words for it.
const NOTES = [
  [/address is confirmed$/, "note.unconfirmed"],
  [/many mails went to this address/, "note.allowance"],
  [/an hour after the confirmation/, "note.confirmation"],
  [/event (was over|had begun)/i, "note.over"],
  [/offer had ended/i, "note.offer"],
  [/No reminders are wanted/, "note.reminders"],
  [/later message took its place|another reminder|already|taken back/, "note.overtaken"],
  [/Asked for again|going again/, "note.again"],
  [/refused the mail for good|no addresses of this alphabet|not one that mail can go to/, "note.refused"],
  [/could not be (reached|asked)|is closing|sign-in|does not take the mail now|did not report/, "note.later"],
];

/** In another language only those notes that we know are shown. */
function wordsOf(note) {
  const [, key] = NOTES.find(([pattern]) => note && pattern.test(note)) ?? [];
  if (key) return t(key);
  return note && language === "en" ? note : "";
}
