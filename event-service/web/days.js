// Days of the person's own calendar, from a choice or from two dates, as moments that the list is asked for.

import { serverNow } from "./server-clock.js";

/** Choices of the list by name; `week` stands in addresses of an earlier release. */
export const CHOICES = ["today", "weekend", "next-week", "month"];

const SATURDAY = 6;
const DATE = /^\d{4}-\d{2}-\d{2}$/;

const day = (now, ahead) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + ahead);

/** From Monday as 0. */
const weekday = (now) => (now.getDay() + 6) % 7;

const SPANS = {
  today: () => [0, 0],
  // On a Sunday what is left of this one.
  weekend: (now) => (now.getDay() === 0 ? [0, 0] : [SATURDAY - 1 - weekday(now), SATURDAY - weekday(now)]),
  "next-week": (now) => [7 - weekday(now), 13 - weekday(now)],
  week: () => [0, 6],
  month: () => [0, 29],
};

/** "2027-01-20" on the person's calendar. */
export function isoDay(date) {
  const parts = [date.getFullYear(), date.getMonth() + 1, date.getDate()];
  return parts.map((part, index) => String(part).padStart(index ? 2 : 4, "0")).join("-");
}

function parsed(text) {
  if (!DATE.test(text)) return null;
  const [year, month, date] = text.split("-").map(Number);
  const at = new Date(year, month - 1, date);
  return isoDay(at) === text ? at : null;
}

export const isDay = (text) => parsed(text) !== null;

export const isChoice = (name) => Object.hasOwn(SPANS, name);

/** `{starts_from, starts_to}` as instants, each where there is one. Whole days, so that the server keeps a page
 * for everybody who asks for the same. */
export function spanOf({ when, from, to }, now = new Date(serverNow())) {
  let [first, last] = [parsed(from ?? ""), parsed(to ?? "")];
  if (SPANS[when]) [first, last] = SPANS[when](now).map((ahead) => day(now, ahead));
  return {
    starts_from: first ? first.toISOString() : "",
    starts_to: last ? new Date(day(last, 1) - 1).toISOString() : "",
  };
}
