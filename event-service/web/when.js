// "Today, 14:05" and "Berlin time": moments of one's own, in the words that people use.
import { HERE, clock, shortDate } from "./format.js";
import { language, locale, t } from "./language.js";
import { serverNow } from "./server-clock.js";

const DAY_MILLISECONDS = 86_400_000;

const dayOf = (instant) => {
  const parts = new Intl.DateTimeFormat("en-CA", { timeZone: HERE }).format(instant).split("-").map(Number);
  return Date.UTC(parts[0], parts[1] - 1, parts[2]) / DAY_MILLISECONDS;
};

/** "today, 14:05", "yesterday, 14:05" or "23 Nov 2026, 14:05", on this device's clocks. */
export function dayAndTime(iso) {
  const days = dayOf(new Date(iso)) - dayOf(new Date(serverNow()));
  const relative = new Intl.RelativeTimeFormat(locale, { numeric: "auto" });
  const day = days === 0 || days === -1 ? relative.format(days, "day") : shortDate(iso, HERE);
  return `${day}, ${clock(iso, HERE)}`;
}

/** "Berlin time"; where a language bends names of towns, the zone's own name. */
export function zoneHere() {
  if (language === "en" && HERE.includes("/"))
    return t("town-time", { town: HERE.split("/").at(-1).replaceAll("_", " ") });
  const parts = new Intl.DateTimeFormat(locale, { timeZoneName: "longGeneric" }).formatToParts(new Date());
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? HERE;
}
