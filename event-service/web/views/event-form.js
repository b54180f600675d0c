// Making an event, or changing one.
import { api, get, post } from "../api.js";
import { mayChange } from "../before-change.js";
import { h, toast } from "../dom.js";
import {
  CURRENCIES,
  decimals,
  fromMinor,
  fromWallClock,
  money,
  nameOfCurrency,
  toMinor,
  toWallClock,
} from "../format.js";
import { t } from "../language.js";
import { field, form } from "../parts.js";
import { SectionRows } from "../section-rows.js";

const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;
// In minor units, as the service takes it.
const MAX_PRICE = 1_000_000_000;
const WEEK_MILLISECONDS = 7 * 86_400_000;

export async function render({ params: [id], signal, go }) {
  const event = id ? await get(`/events/${id}`, { signal }) : null;
  const title = t(event ? "edit-event" : "new-event");
  const inputs = fieldsFor(event);
  const seating = seatingFields(event, inputs.currency.input);
  const all = [...Object.values(inputs), ...seating.fields];
  const {
    title: name,
    description,
    category,
    venue,
    city,
    timezone,
    starts_at,
    ends_at,
    sales_start,
    sales_end,
    price,
    currency,
    max_seats_per_user,
  } = inputs;
  sayPrice(price, currency);
  const element = form({
    fields: all,
    submit: t(event ? "save" : "create-draft"),
    children: [
      group("what", name, category, description),
      group("when-and-where", venue, city, timezone, pair(starts_at, ends_at)),
      group("seats-and-price", pair(price, currency), seating.node, max_seats_per_user),
      h("details", {}, h("summary", {}, t("sales-window")), pair(sales_start, sales_end)),
    ],
    done: async (values) => {
      const body = { ...read(values, inputs, event), ...(event && seating.change()) };
      if (event && !(await mayChange(event, body))) return;
      const saved = event
        ? await api("PATCH", `/events/${event.id}`, {
            body,
            headers: { "If-Match": `"${event.version}"` },
          })
        : await post("/events", { ...body, seating: seating.read() });
      toast(t("saved"), "good");
      go(`/my-events/${saved.id}`);
    },
  });
  return { title, node: h("div", { class: "narrow form-page" }, h("h1", {}, title), element) };
}

const group = (word, ...content) => h("fieldset", {}, h("legend", {}, t(word)), content);
const pair = (...content) => h("div", { class: "pair" }, content);

function fieldsFor(event) {
  const zone = event?.timezone ?? HERE;
  const soon = toWallClock(new Date(Date.now() + WEEK_MILLISECONDS).toISOString(), zone).slice(0, 11);
  const time = (iso, standard) => (iso ? toWallClock(iso, zone) : standard);
  const zones = h(
    "datalist",
    { id: "zones" },
    Intl.supportedValuesOf("timeZone").map((value) => h("option", { value })),
  );
  const timezone = field({
    label: t("timezone"),
    name: "timezone",
    required: true,
    list: "zones",
    value: zone,
    hint: t("timezone-hint"),
  });
  timezone.append(zones);
  const currency = event?.currency ?? "EUR";
  return {
    title: field({ label: t("title"), name: "title", required: true, maxlength: 200, value: event?.title }),
    category: field({
      label: t("category"),
      name: "category",
      maxlength: 50,
      value: event?.category,
      hint: t("category-hint"),
    }),
    description: field({
      label: t("description"),
      name: "description",
      rows: 5,
      maxlength: 10_000,
      value: event?.description,
    }),
    venue: field({ label: t("venue"), name: "venue", required: true, maxlength: 200, value: event?.venue }),
    city: field({ label: t("city"), name: "city", required: true, maxlength: 100, value: event?.city }),
    timezone,
    starts_at: field({
      label: t("starts"),
      name: "starts_at",
      type: "datetime-local",
      required: true,
      value: time(event?.starts_at, `${soon}19:00`),
    }),
    ends_at: field({
      label: t("ends"),
      name: "ends_at",
      type: "datetime-local",
      required: true,
      value: time(event?.ends_at, `${soon}21:00`),
    }),
    sales_start: field({
      label: t("sales-start"),
      name: "sales_start",
      type: "datetime-local",
      value: time(event?.sales_start, ""),
    }),
    sales_end: field({
      label: t("sales-end"),
      name: "sales_end",
      type: "datetime-local",
      value: time(event?.sales_end, ""),
    }),
    price: field({
      label: t("price"),
      name: "price",
      inputmode: "decimal",
      value: event ? fromMinor(event.price, currency, event.currency_digits) : "",
      placeholder: "0",
      hint: t("price-hint"),
    }),
    currency: field({ label: t("currency"), name: "currency", control: currencies(currency) }),
    max_seats_per_user: field({
      label: t("max-seats"),
      name: "max_seats_per_user",
      type: "number",
      min: 1,
      max: 100_000,
      required: true,
      value: event?.max_seats_per_user ?? 10,
    }),
  };
}

function currencies(chosen) {
  // An event may have one that has gone out of use since.
  const offered = CURRENCIES.includes(chosen) ? CURRENCIES : [chosen, ...CURRENCIES];
  const option = (code) =>
    h("option", { value: code, selected: code === chosen }, `${code} · ${nameOfCurrency(code)}`);
  return h("select", { name: "currency" }, offered.map(option));
}

/** What was typed is said as it will be understood: "1,500" is not the same everywhere. */
function sayPrice(price, currency) {
  const say = () => {
    const minor = toMinor(price.input.value, currency.input.value);
    const isSaid = price.input.value.trim() !== "" && !Number.isNaN(minor);
    price.hint(isSaid ? t("price-said", { amount: money(minor, currency.input.value) }) : t("price-hint"));
  };
  for (const { input } of [price, currency]) input.addEventListener("input", say);
  say();
}

/** General: a capacity. Assigned: sections; of an event that has them they stay unless replaced. */
function seatingFields(event, currencyInput) {
  const capacity = field({
    label: t("capacity"),
    name: "capacity",
    type: "number",
    min: 1,
    max: 100_000,
    required: true,
    value: event?.capacity ?? 100,
  });
  const rows = new SectionRows(() => currencyInput.value);
  const isAssigned = () => kind.elements?.assigned.checked ?? event?.seating === "assigned";
  const radio = (value, checked) =>
    h(
      "label",
      { class: "check" },
      h("input", { type: "radio", name: "seating", value, checked }),
      t(`seating.${value}`),
    );
  const kind = event
    ? h("div", {})
    : h(
        "div",
        { class: "radios", role: "radiogroup", "aria-label": t("seating") },
        radio("general", true),
        radio("assigned", false),
      );
  if (!event) kind.elements = { assigned: kind.querySelector("[value=assigned]") };
  const place = h("div", {});
  const draw = () => {
    capacity.input.disabled = isAssigned();
    place.replaceChildren(
      isAssigned() ? (event ? h("p", { class: "hint" }, t("sections-stay")) : rows.node) : capacity,
    );
  };
  kind.addEventListener("change", draw);
  draw();
  const number = () => Number(capacity.input.value);
  return {
    fields: [capacity],
    node: h("div", {}, kind, place),
    read: () =>
      isAssigned()
        ? { kind: "assigned", sections: priced(rows.read(), currencyInput.value) }
        : { kind: "general", capacity: number() },
    change: () => (isAssigned() || number() === event.capacity ? {} : { capacity: number() }),
  };
}

function priced(sections, currency) {
  for (const { price } of sections) checkPrice("sections", price, currency);
  return sections;
}

/** NaN is what no currency writes so. */
function checkPrice(name, price, currency) {
  if (Number.isNaN(price)) throw mistake(name, t("price-mistake", { n: decimals(currency) }));
  if (price > MAX_PRICE) throw mistake(name, t("price-too-high", { amount: money(MAX_PRICE, currency) }));
}

/** What the API takes; a mistake that only we can see is shown like the service's own. */
function read(values, inputs, event) {
  const { timezone, currency } = values;
  const price = toMinor(values.price, currency);
  checkPrice("price", price, currency);
  if (event?.seating === "assigned" && decimals(currency) !== decimals(event.currency))
    throw mistake("currency", t("currency-mistake", { n: decimals(event.currency) }));
  const times = readTimes(values, timezone, event);
  if (Date.parse(times.ends_at) <= Date.parse(times.starts_at)) throw mistake("ends_at", t("ends-mistake"));
  const { title, description, category, venue, city } = values;
  const body = {
    title,
    description,
    category,
    venue,
    city,
    timezone,
    currency,
    price,
    ...times,
    max_seats_per_user: Number(values.max_seats_per_user),
  };
  if (event && price === event.price) delete body.price;
  return body;
}

const TIMES = ["starts_at", "ends_at", "sales_start", "sales_end"];

/** A time that was not touched stays what it is: a field has no seconds, and does not know which of two
 * hours is meant when the clocks go back. */
function readTimes(values, timezone, event) {
  const times = {};
  for (const name of TIMES) {
    const isKept = event?.timezone === timezone && values[name] === toWallClock(event[name], timezone);
    if (!values[name]) times[name] = null;
    else if (isKept) times[name] = event[name];
    else times[name] = instant(name, values[name], timezone);
  }
  return times;
}

function instant(name, local, timezone) {
  let iso;
  try {
    new Intl.DateTimeFormat("en", { timeZone: timezone });
    iso = fromWallClock(local, timezone);
  } catch {
    throw mistake("timezone", t("timezone-mistake"));
  }
  if (iso === null) throw mistake(name, t("time-left-out"));
  return iso;
}

function mistake(name, message) {
  return Object.assign(new Error(message), {
    code: "invalid-request",
    status: 422,
    errors: [{ field: name, message }],
  });
}
