// Times in the event's own zone, money in its currency, both as the person's language writes them.
import DIGITS from "./currencies.js";
import { locale, t } from "./language.js";

/** The zone of this device's clocks. */
export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

const number = new Intl.NumberFormat(locale);
const formats = new Map();
// "07:00" as the server has it, "7:00 PM" where a day has twice twelve hours.
const { hourCycle } = new Intl.DateTimeFormat(locale, { hour: "numeric" }).resolvedOptions();
const HOUR = hourCycle === "h23" ? "2-digit" : "numeric";

function kept(Format, options) {
  const key = Format.name + JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Format(locale, options));
  return formats.get(key);
}

export const count = (n) => number.format(n);

export const CURRENCIES = Object.keys(DIGITS);

/** "Hungarian Forint", or the code where the browser knows no name. */
export const nameOfCurrency = (code) => kept(Intl.DisplayNames, { type: "currency" }).of(code) ?? code;

/** Decimal places of a currency by ISO 4217: 2 for EUR and HUF, 0 for JPY, 3 for KWD. Browsers know
 * others, and not each the same. */
export const decimals = (currency) => DIGITS[currency] ?? 2;

/** Minor units as money, written as in our mails; `digits` are an event's own. */
export function money(minor, currency, digits = decimals(currency)) {
  if (minor === 0) return t("free");
  const places = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  const format = kept(Intl.NumberFormat, { style: "currency", currency, ...places });
  return format.format(fromMinor(minor, currency, digits));
}

/** The lowest and the highest price. An answer that was stored by an earlier release has one only. */
export const pricesOf = ({ price, price_from = price, price_to = price }) => [price_from, price_to];

/** "from £15" where seats have several prices. */
export function priceFrom(event) {
  const { currency, currency_digits } = event;
  const [low, high] = pricesOf(event);
  const shown = money(low, currency, currency_digits);
  if (low === high) return shown;
  if (low > 0) return t("price-from", { price: shown });
  return t("from-to", { low: shown, high: money(high, currency, currency_digits) });
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
  inZone(zone, { hour: HOUR, minute: "2-digit" }).format(new Date(iso));

function zoneAs(iso, zone, timeZoneName) {
  const parts = inZone(zone, { timeZoneName }).formatToParts(new Date(iso));
  return parts.find(({ type }) => type === "timeZoneName")?.value ?? zone;
}

/** "CET" or "GMT+3". */
export const shortZone = (iso, zone) => zoneAs(iso, zone, "short");

const WHOLE = {
  weekday: "long",
  day: "numeric",
  month: "long",
  year: "numeric",
  hour: HOUR,
  minute: "2-digit",
};

export const dateAndTime = (iso, zone) => inZone(zone, WHOLE).format(new Date(iso));

/** With the zone, for what somebody elsewhere must not miss. */
export const deadline = (iso, zone) => `${dateAndTime(iso, zone)} (${shortZone(iso, zone)})`;

export const shortDate = (iso, zone) =>
  inZone(zone, { day: "numeric", month: "short", year: "numeric" }).format(new Date(iso));

/** From and to, without saying the day twice; each with its offset where the clocks change between. */
export function span(event) {
  const { starts_at, ends_at, timezone } = event;
  const [from, to] = [new Date(starts_at), new Date(ends_at)];
  if (offset(from, timezone) === offset(to, timezone)) return inZone(timezone, WHOLE).formatRange(from, to);
  const isSameDay = shortDate(starts_at, timezone) === shortDate(ends_at, timezone);
  const end = isSameDay ? clock(ends_at, timezone) : dateAndTime(ends_at, timezone);
  const [first, last] = [from, to].map((at) => utcOffset(offset(at, timezone)));
  return `${dateAndTime(starts_at, timezone)} (${first}) – ${end} (${last})`;
}

/** The same on the person's own clocks, with the offset of both places; null where clocks show the same. */
export function yourSpan({ starts_at, ends_at, timezone }) {
  const offsets = (zone) => [starts_at, ends_at].map((iso) => offset(new Date(iso), zone));
  const [mine, theirs] = [offsets(HERE), offsets(timezone)];
  if (mine.every((one, index) => one === theirs[index])) return null;
  const shown = span({ starts_at, ends_at, timezone: HERE });
  // Where the clocks change in between it says both already.
  if (mine[0] !== mine[1]) return shown;
  return `${shown} (${utcOffset(mine[0])}; ${t("there")} ${utcOffset(theirs[0])})`;
}

function utcOffset(milliseconds) {
  const minutes = Math.round(Math.abs(milliseconds) / 60_000);
  const rest = minutes % 60 ? `:${String(minutes % 60).padStart(2, "0")}` : "";
  return `UTC${milliseconds < 0 ? "\u2212" : "+"}${Math.floor(minutes / 60)}${rest}`;
}

/** "UTC+1", as the clocks of a zone stand at that moment. */
export const offsetName = (iso, zone) => utcOffset(offset(new Date(iso), zone));

/** "Central European Standard Time (Europe/Berlin)": as people say it, and where. */
export function zoneName({ starts_at, ends_at, timezone }) {
  const names = new Set([starts_at, ends_at].map((iso) => zoneAs(iso, timezone, "long")));
  return `${[...names].join(" – ")} (${timezone})`;
}

/** In the person's own zone: when a hold ends. */
export const localTime = (iso) =>
  kept(Intl.DateTimeFormat, { hour: HOUR, minute: "2-digit", second: "2-digit" }).format(new Date(iso));

/** Milliseconds as 9:05. */
export function minutes(milliseconds) {
  const seconds = Math.max(0, Math.ceil(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/** "2027-01-20T19:30" on the clocks of a zone, as an instant; null where the clocks leave it out. */
export function fromWallClock(local, zone) {
  const asIfUtc = Date.parse(`${local}Z`);
  // The offset is asked for at the guess, and again where the first answer leads.
  let instant = asIfUtc - offset(asIfUtc, zone);
  instant = asIfUtc - offset(instant, zone);
  const iso = new Date(instant).toISOString();
  return toWallClock(iso, zone) === local.slice(0, 16) ? iso : null;
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

/** "12.50" or "12,50" as minor units; NaN for anything else, and for more decimals than there are. */
export function toMinor(text, currency) {
  const plain = text.replace(/[\s\u00a0\u202f]/g, "").replace(",", ".");
  if (plain === "") return 0;
  if (!/^\d{1,12}(\.\d+)?$/.test(plain)) return NaN;
  const digits = decimals(currency);
  const [whole, part = ""] = plain.split(".");
  if (part.length > digits) return NaN;
  return Number(whole + part.padEnd(digits, "0"));
}

/** 1250 EUR as "12.50": exact, since it never becomes a fraction. */
export function fromMinor(minor, currency, digits = decimals(currency)) {
  if (!digits) return String(minor);
  const all = String(minor).padStart(digits + 1, "0");
  return `${all.slice(0, -digits)}.${all.slice(-digits)}`;
}
