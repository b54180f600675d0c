// Fields for zones and currencies: one types a part of a name, and a list offers what is meant.
import { CURRENCIES, nameOfCurrency, offsetName } from "../format.js";
import { h } from "../dom.js";
import { locale, t } from "../language.js";
import { field } from "../parts.js";

// As the service takes them: places, and UTC.
const AREAS = /^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Europe|Indian|Pacific)\//;

const plain = (text) =>
  text
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .replace(/[_\s]+/g, " ")
    .trim()
    .toLowerCase();

/** A field with a list of `options` (`{value, names}`), whose labels come when it is entered. `code` is the
 * value that was last understood; `changed` hears of another one. */
function choice({ options, label, hint, wrong, labelOf, changed, ...attributes }) {
  const id = `${attributes.name}-list`;
  const list = h("datalist", { id }, options.map(({ value }) => h("option", { value })));
  const wrap = field({ label, required: true, list: id, autocomplete: "off", spellcheck: "false", ...attributes });
  const { input } = wrap;
  wrap.append(list);
  wrap.code = input.value;
  wrap.check = (text) => (find(options, text) ? null : wrong);
  const say = () => wrap.hint(hint(wrap.code));
  const read = (isDone) => {
    const found = find(options, input.value);
    if (found && isDone) input.value = found;
    if (!found || found === wrap.code) return;
    wrap.code = found;
    wrap.mistake("");
    say();
    changed?.();
  };
  input.addEventListener("input", () => read(false));
  input.addEventListener("change", () => {
    read(true);
    if (input.value && !find(options, input.value)) wrap.mistake(wrong);
  });
  input.addEventListener(
    "focus",
    () => [...list.children].forEach((option) => option.setAttribute("label", labelOf(option.value))),
    { once: true },
  );
  wrap.put = (value) => {
    input.value = value;
    read(true);
  };
  wrap.say = say;
  say();
  return wrap;
}

/** The value that a text means: itself, a name, or the only one with that part; null for none. */
function find(options, text) {
  const typed = plain(text);
  if (!typed) return null;
  const exact = options.find(({ value, names }) => plain(value) === typed || names().includes(typed));
  if (exact) return exact.value;
  const part = options.filter(({ names }) => names().some((name) => name.includes(typed)));
  return part.length === 1 ? part[0].value : null;
}

const named = (value, make) => {
  let names = null;
  return { value, names: () => (names ??= make(value).map(plain)) };
};

export function zoneField({ value, at, changed }) {
  const known = Intl.supportedValuesOf("timeZone").filter((zone) => AREAS.test(zone));
  const zones = [...new Set(["UTC", value, ...known])];
  return choice({
    name: "timezone",
    label: t("timezone"),
    value,
    options: zones.map((zone) => named(zone, (name) => [name, name.split("/").at(-1)])),
    wrong: t("timezone-mistake"),
    hint: (zone) => t("form.zone-said", { zone: zoneLabel(zone, at()) }),
    labelOf: (zone) => zoneLabel(zone, at()),
    changed,
  });
}

/** "Central European Time, UTC+1". */
function zoneLabel(zone, iso) {
  if (zone === "UTC") return zone;
  try {
    const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "longGeneric" });
    const name = parts.formatToParts(new Date(iso)).find(({ type }) => type === "timeZoneName").value;
    return `${name}, ${offsetName(iso, zone)}`;
  } catch {
    return zone;
  }
}

export function currencyField({ value, changed }) {
  // An event may have one that has gone out of use since.
  const offered = CURRENCIES.includes(value) ? CURRENCIES : [value, ...CURRENCIES];
  return choice({
    name: "currency",
    label: t("currency"),
    value,
    maxlength: 60,
    options: offered.map((code) => named(code, (one) => [one, nameOfCurrency(one)])),
    wrong: t("form.currency-mistake"),
    hint: nameOfCurrency,
    labelOf: nameOfCurrency,
    changed,
  });
}
