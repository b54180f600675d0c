// Another event like this one, at another time: a draft with the same texts, prices, plan and picture.
import { post, serverNow } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { fromWallClock, toWallClock } from "../format.js";
import { t } from "../language.js";
import { field } from "../parts.js";

const WEEK_MILLISECONDS = 7 * 86_400_000;

/** Asks for title and time, and opens the copy's desk. Raises Problem. */
export async function duplicate({ event, go }) {
  const title = field({ label: t("title"), name: "title", required: true, maxlength: 200, value: event.title });
  const starts = field({
    label: t("starts"),
    name: "starts_at",
    type: "datetime-local",
    required: true,
    value: nextTime(event),
    hint: event.timezone,
  });
  const instant = () => fromWallClock(starts.input.value, event.timezone);
  const mayAgree = () => {
    title.mistake(title.input.value.trim() ? "" : t("invalid.missing"));
    starts.mistake(wrongTime(starts.input.value, instant));
    const wrong = [title, starts].find(({ input }) => input.hasAttribute("aria-invalid"));
    wrong?.input.focus();
    return !wrong;
  };
  const content = h("div", { class: "form" }, title, starts);
  const text = t("duplicate-text");
  const words = { title: t("duplicate"), text, yes: t("duplicate-yes"), no: t("not-yet"), kind: "" };
  if (!(await ask({ ...words, content, mayAgree }))) return;
  const copy = await post(`/events/${event.id}/duplicate`, { title: title.input.value.trim(), starts_at: instant() });
  toast(t("duplicated"), "good");
  go(`/my-events/${copy.id}`);
}

function wrongTime(value, instant) {
  if (!value) return t("invalid.missing");
  const iso = instant();
  if (iso === null) return t("time-left-out");
  return Date.parse(iso) > serverNow() ? "" : t("duplicate-past");
}

/** The same weekday and hour on the clocks there, in the first week that is still to come. */
function nextTime({ starts_at: start, timezone }) {
  const [day, hour] = toWallClock(start, timezone).split("T");
  let at = Date.parse(`${day}T00:00Z`) + WEEK_MILLISECONDS;
  while (at <= serverNow()) at += WEEK_MILLISECONDS;
  return `${new Date(at).toISOString().slice(0, 10)}T${hour}`;
}
