// Times of the form: what stands in a field is the clocks' time in the event's zone.
import { HERE, clock, dateAndTime, fromWallClock, offsetName, toWallClock } from "../format.js";
import { t } from "../language.js";

export const TIMES = ["starts_at", "ends_at", "doors_at", "sales_start", "sales_end", "cancellation_deadline"];
const HOUR_MILLISECONDS = 3_600_000;
const DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS;

/** An event's time as it is shown in the form: a deadline that is the start was not asked for. */
export function storedTime(event, name) {
  if (!event) return null;
  return name === "cancellation_deadline" && event[name] === event.starts_at ? null : event[name];
}

/** By name: an instant, null for an empty field, undefined for a time that the clocks leave out. A time that was
 * not touched stays what it is: a field has no seconds, and does not know which of two hours is meant when the
 * clocks go back. */
export function readTimes(values, zone, event) {
  const times = {};
  for (const name of TIMES) {
    const before = storedTime(event, name);
    const isKept = before && event.timezone === zone && values[name] === toWallClock(before, zone);
    if (!values[name]) times[name] = null;
    else times[name] = isKept ? before : (fromWallClock(values[name], zone) ?? undefined);
  }
  return times;
}

/** What is wrong with them, by the name of the field. */
export function timeMistakes(times) {
  const wrong = {};
  for (const name of TIMES) if (times[name] === undefined) wrong[name] = t("time-left-out");
  const at = (name) => (times[name] ? Date.parse(times[name]) : null);
  const [start, end, doors] = ["starts_at", "ends_at", "doors_at"].map(at);
  const [from, until, deadline] = ["sales_start", "sales_end", "cancellation_deadline"].map(at);
  const say = (name, isWrong, word) => {
    if (isWrong) wrong[name] ??= t(word);
  };
  say("ends_at", start && end && end <= start, "ends-mistake");
  say("doors_at", start && doors && (doors > start || doors < start - DAY_MILLISECONDS), "form.doors-mistake");
  say("sales_end", from && until && until <= from, "mistake.sales_end must be later than sales_start");
  say("cancellation_deadline", end && deadline && deadline > end, "form.deadline-mistake");
  return wrong;
}

/** Under a field: the day and the offset, what one's own clock shows then, and which hour is meant where it comes
 * twice. */
export function saidTime(local, zone) {
  const iso = fromWallClock(local, zone);
  if (iso === null) return { mistake: t("time-left-out") };
  const parts = [t("form.time-said", { time: dateAndTime(iso, zone), offset: offsetName(iso, zone) })];
  if (offsetName(iso, HERE) !== offsetName(iso, zone))
    parts.push(t("form.time-here", { time: clock(iso, HERE), offset: offsetName(iso, HERE) }));
  const isTwice = [-1, 1].some(
    (hours) => toWallClock(new Date(Date.parse(iso) + hours * HOUR_MILLISECONDS).toISOString(), zone) === local,
  );
  if (isTwice) parts.push(t("form.time-twice", { offset: offsetName(iso, zone) }));
  return { hint: parts.join(" ") };
}
