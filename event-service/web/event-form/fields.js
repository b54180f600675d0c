// The fields of an event's form, and what of them the service takes.
import { HERE, decimals, fromMinor, money, toMinor, toWallClock } from "../format.js";
import { t } from "../language.js";
import { field } from "../parts.js";
import { currencyField, zoneField } from "./choices.js";
import { ofField } from "./mistakes.js";
import { TIMES, readTimes, saidTime, storedTime, timeMistakes } from "./times.js";

const WEEK_MILLISECONDS = 7 * 86_400_000;
// In minor units, as the service takes it.
const MAX_PRICE = 1_000_000_000;
const TEXTS = ["title", "description", "category", "venue", "city", "organizer_name", "payment_note"];

export function fieldsFor(event) {
  return { ...textFields(event), ...timeFields(event), ...priceFields(event) };
}

function textFields(event) {
  const text = (name, label, more) => field({ label: t(label), name, value: event?.[name] ?? "", ...more });
  return {
    title: text("title", "title", { required: true, maxlength: 200 }),
    category: text("category", "category", { maxlength: 50, hint: t("category-hint") }),
    description: text("description", "description", { rows: 5, maxlength: 10_000 }),
    organizer_name: text("organizer_name", "form.organizer", { maxlength: 100, hint: t("form.organizer-hint") }),
    venue: text("venue", "venue", { required: true, maxlength: 200 }),
    city: text("city", "city", { required: true, maxlength: 100 }),
    payment_note: text("payment_note", "form.payment", { rows: 2, maxlength: 300, hint: t("form.payment-hint") }),
  };
}

const LABELS = {
  starts_at: "starts",
  ends_at: "ends",
  doors_at: "form.doors",
  sales_start: "sales-start",
  sales_end: "sales-end",
  cancellation_deadline: "form.deadline",
};
const HINTS = { doors_at: "form.doors-hint", cancellation_deadline: "form.deadline-hint" };

function timeFields(event) {
  const zone = event?.timezone ?? HERE;
  const soon = toWallClock(new Date(Date.now() + WEEK_MILLISECONDS).toISOString(), zone).slice(0, 11);
  const standard = event ? {} : { starts_at: `${soon}19:00`, ends_at: `${soon}21:00` };
  const fields = {};
  for (const name of TIMES)
    fields[name] = field({
      label: t(LABELS[name]),
      name,
      type: "datetime-local",
      required: name === "starts_at" || name === "ends_at",
      value: toWallClock(storedTime(event, name), zone) || standard[name] || "",
    });
  fields.timezone = zoneField({
    value: zone,
    at: () => storedTime(event, "starts_at") ?? new Date().toISOString(),
    changed: () => TIMES.forEach((name) => sayTime(name, fields)),
  });
  for (const name of TIMES) {
    fields[name].input.addEventListener("input", () => sayTime(name, fields));
    sayTime(name, fields);
  }
  return fields;
}

/** What was entered is said as it will be understood, or at once what is wrong with it. */
function sayTime(name, fields) {
  const { value } = fields[name].input;
  const { hint, mistake } = value ? saidTime(value, fields.timezone.code) : {};
  fields[name].hint(hint ?? (value || !HINTS[name] ? "" : t(HINTS[name])));
  fields[name].mistake(mistake ?? "");
}

function priceFields(event) {
  const code = event?.currency ?? "EUR";
  const price = field({
    label: t("price"),
    name: "price",
    inputmode: "decimal",
    value: event ? fromMinor(event.price, code, event.currency_digits) : "",
    placeholder: "0",
    hint: t("price-hint"),
  });
  const currency = currencyField({ value: code, changed: () => sayPrice(price, currency) });
  price.input.addEventListener("input", () => sayPrice(price, currency));
  sayPrice(price, currency);
  const max_seats_per_user = field({
    label: t("max-seats"),
    name: "max_seats_per_user",
    type: "number",
    min: 1,
    max: 100_000,
    required: true,
    value: event?.max_seats_per_user ?? 10,
  });
  return { price, currency, max_seats_per_user };
}

/** "1,500" is not the same everywhere. */
function sayPrice(price, currency) {
  const minor = toMinor(price.input.value, currency.code);
  const isSaid = price.input.value.trim() !== "" && !Number.isNaN(minor);
  price.hint(isSaid ? t("price-said", { amount: money(minor, currency.code) }) : t("price-hint"));
}

/** Prices as they are typed; an empty one of a section is the event's. */
export function pricesOf({ price, currency }) {
  const code = () => currency.code;
  const minor = (text) => toMinor(text, code());
  return {
    currency: code,
    minor,
    read: (text) => {
      const typed = minor(text.trim() === "" ? price.input.value : text);
      const mistake = text.trim() === "" ? null : priceMistake(typed, code());
      return { minor: Number.isNaN(typed) ? 0 : typed, mistake };
    },
  };
}

/** NaN is what no currency writes so. */
function priceMistake(minor, currency) {
  if (Number.isNaN(minor)) return t("price-mistake", { n: decimals(currency) });
  return minor > MAX_PRICE ? t("price-too-high", { amount: money(MAX_PRICE, currency) }) : null;
}

const timesOf = (fields, event) =>
  readTimes(
    Object.fromEntries(TIMES.map((name) => [name, fields[name].input.value])),
    fields.timezone.code,
    event,
  );

/** What only all fields together, or their currency and zone, tell. */
export function mistakesOf(fields, event) {
  const wrong = timeMistakes(timesOf(fields, event));
  const { price, currency } = fields;
  const priced = priceMistake(toMinor(price.input.value, currency.code), currency.code);
  if (priced) wrong.price = priced;
  return Object.entries(wrong).map(([name, message]) => ofField(fields[name], message));
}

const stored = (event, name) => (name === "price" ? event.price : storedTime(event, name));

/** What the service takes; a time or price that was not changed stays exactly what it is. */
export function bodyOf(fields, event) {
  const body = { timezone: fields.timezone.code, currency: fields.currency.code, ...timesOf(fields, event) };
  for (const name of TEXTS) body[name] = fields[name].input.value;
  body.max_seats_per_user = Number(fields.max_seats_per_user.input.value);
  body.price = toMinor(fields.price.input.value, fields.currency.code);
  if (event) for (const name of [...TIMES, "price"]) if (body[name] === stored(event, name)) delete body[name];
  return body;
}
