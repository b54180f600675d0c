// Times in the event's own zone, money in its currency, both as the person's language writes them.
import { locale, t } from "./language.js";

const number = new Intl.NumberFormat(locale);
const formats = new Map();

function kept(Format, options) {
  const key = Format.name + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Format(locale, options));
  return formats.get(key);
}

export const count = (n) => number.format(n);

/** Decimal places of a currency: 2 for EUR, 0 for JPY, 3 for KWD. */
export function decimals(currency) {
  return kept(Intl.NumberFormat, { style: "currency", currency }).resolvedOptions().maximumFractionDigits;
}

/** Minor units as money; whole amounts without their zeros. */
export function money(minor, currency) {
  if (minor === 0) return t("free");
  const digits = decimals(currency);
  const amount = minor / 10 ** digits;
  const options = { style: "currency", currency };
  if (Number.isInteger(amount)) options.maximumFractionDigits = 0;
  return kept(Intl.NumberFormat, options).format(amount);
}

/** A zone that the browser does not know is shown as UTC, and says so. */
function known(zone) {
  try {
    kept(Intl.DateTimeFormat, { timeZone: zone });
    return zone;
  } catch {
    return "UTC";
  }
}

function inZone(zone, options) {
  return kept(Intl.DateTimeFormat, { timeZone: known(zone), ...options });
}

export function dateParts(iso, zone) {
  const at = new Date(iso);
  return {
    day: inZone(zone, { day: "numeric" }).format(at),
    month: inZone(zone, { month: "short" }).format(at).replace(".", ""),
    weekday: inZone(zone, { weekday: "short" }).format(at),
    year: inZone(zone, { year: "numeric" }).format(at).replace(/\D/g, ""),
  };
}

export const clock = (iso, zone) =>
  inZone(zone, { hour: "numeric", minute: "2-digit" }).format(new Date(iso));

function zoneAs(iso, zone, timeZoneName) {
  const parts = inZone(zone, { timeZoneName }).formatToParts(new Date(iso));
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

/** "CET" or "GMT+3". */
export const shortZone = (iso, zone) => zoneAs(iso, zone, "short");

/** "Central European Standard Time (Europe/Berlin)": as people say it, and where. */
export const zoneName = (iso, zone) => `${zoneAs(iso, zone, "long")} (${zone})`;

export function dateAndTime(iso, zone) {
  const options = {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
  };
  return inZone(zone, options).format(new Date(iso));
}

export const shortDate = (iso, zone) =>
  inZone(zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(iso));

/** From and to, without saying the day twice. */
export function span(event) {
  const options = {
    weekday: "long",
    day: "numeric",
    month: "long",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
  };
  return inZone(event.timezone, options).formatRange(new Date(event.starts_at), new Date(event.ends_at));
}

/** In the person's own zone: when a hold ends. */
export const localTime = (iso) =>
  kept(Intl.DateTimeFormat, { hour: "numeric", minute: "2-digit", second: "2-digit" }).format(new Date(iso));

/** Milliseconds as 9:05. */
export function minutes(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** "2027-01-20T19:30" on the clocks of a zone, as an instant. */
export function fromWallClock(local, zone) {
  const asIfUtc = Date.parse(`${local}Z`);
  // The offset is asked for at the guess, and again where the first answer leads.
  let instant = asIfUtc - offset(asIfUtc, zone);
  instant = asIfUtc - offset(instant, zone);
  return new Date(instant).toISOString();
}

/** An instant as a datetime-local field wants it. */
export function toWallClock(iso, zone) {
  if (!iso) return "";
  const at = Date.parse(iso);
  return new Date(at + offset(at, zone)).toISOString().slice(0, 16);
}

function offset(instant, zone) {
  const options = {
    timeZone: known(zone),
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  };
  const parts = {};
  for (const { type, value } of new Intl.DateTimeFormat("en", options).formatToParts(instant))
    parts[type] = Number(value);
  const shown = Date.UTC(parts.year, parts.month - 1, parts.day, parts.hour, parts.minute, parts.second);
  return shown - Math.floor(instant / 1000) * 1000;
}

/** "12.50" or "12,50" as minor units; NaN for anything else. */
export function toMinor(text, currency) {
  const plain = text
    .trim()
    .replace(/[\s\u00a0]/g, "")
    .replace(",", ".");
  if (plain === "") return 0;
  if (!/^\d+(\.\d+)?$/.test(plain)) return NaN;
  const digits = decimals(currency);
  const [whole, part = ""] = plain.split(".");
  if (part.length > digits) return NaN;
  return Number(whole + part.padEnd(digits, "0"));
}

export function fromMinor(minor, currency) {
  const digits = decimals(currency);
  return digits ? (minor / 10 ** digits).toFixed(digits) : String(minor);
}
