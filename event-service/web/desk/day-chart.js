// Seats sold by day: columns, with the table behind them.
import { h, s } from "../dom.js";
import { count, money } from "../format.js";
import { locale, t } from "../language.js";
import { columnsOf, dateIn, roundUp, sumOfLast } from "./days.js";
import { responsive } from "./responsive.js";

const HEIGHT = 200;
const EDGE = { top: 22, right: 4, bottom: 24, left: 40 };
const LABEL_WIDTH = 74;
const WIDEST_BAR = 44;
const WEEK = 7;

const dated = (options) => {
  const format = new Intl.DateTimeFormat(locale, { timeZone: "UTC", ...options });
  return (date) => format.format(new Date(`${date}T00:00:00Z`));
};
const AXIS = {
  day: dated({ day: "numeric", month: "short" }),
  week: dated({ day: "numeric", month: "short" }),
  month: dated({ month: "short", year: "2-digit" }),
};
const FULL = {
  day: dated({ weekday: "short", day: "numeric", month: "long", year: "numeric" }),
  week: dated({ day: "numeric", month: "long", year: "numeric" }),
  month: dated({ month: "long", year: "numeric" }),
};

/** `{node, update(days)}` */
export function dayChart(event, signal) {
  let sales = { unit: "day", columns: [] };
  const amount = (minor) => money(minor, event.currency, event.currency_digits);
  const place = h("div", { class: "chart" });
  const summary = h("p", { class: "hint" });
  const body = h("tbody", {});
  const redraw = responsive(place, (width) => paint(sales, width), signal);
  const table = h(
    "details",
    { class: "chart-table" },
    h("summary", {}, t("chart.table")),
    h(
      "div",
      { class: "table-scroll", role: "region", tabindex: 0, "aria-label": t("chart.days") },
      h("table", {}, h("thead", {}, h("tr", {}, cells("th", [t("date"), t("seats"), t("desk.revenue")]))), body),
    ),
  );
  const none = h("p", { class: "hint" }, t("chart.none"));
  const node = h("section", { class: "chart-block" }, h("h3", {}, t("chart.days")), summary, none, place, table);
  const update = (days) => {
    const today = dateIn(event.timezone);
    sales = columnsOf(days, today);
    none.hidden = days.length > 0;
    for (const part of [summary, place, table]) part.hidden = !days.length;
    if (!days.length) return;
    const week = sumOfLast(days, today, WEEK);
    summary.textContent = t("chart.week", { n: week.seats, count: count(week.seats), amount: amount(week.revenue) });
    body.replaceChildren(
      ...days
        .toReversed()
        .map(({ date, seats, revenue }) => h("tr", {}, cells("td", [FULL.day(date), count(seats), amount(revenue)]))),
    );
    redraw();
  };
  return { node, update };
}

const cells = (tag, texts) =>
  texts.map((text, index) =>
    h(tag, { scope: tag === "th" && "col", class: index ? "number" : null }, text),
  );

function paint({ unit, columns }, width) {
  const most = columns.reduce((best, column) => (column.seats > best.seats ? column : best));
  const top = roundUp(most.seats);
  const inner = { width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom };
  const step = inner.width / columns.length;
  const y = (seats) => EDGE.top + inner.height * (1 - seats / top);
  const x = (index) => EDGE.left + step * index;
  const name = t(`chart.summary-${unit}`, {
    from: FULL[unit](columns[0].date),
    to: FULL[unit](columns.at(-1).date),
    all: count(columns.reduce((sum, { seats }) => sum + seats, 0)),
    most: count(most.seats),
    when: FULL[unit](most.date),
  });
  return s(
    "svg",
    { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": name },
    lines(top, y, width),
    columns.map((column, index) => bar(column, { x: x(index), y, step, unit, isMost: column === most })),
    dates(columns, unit, x, step),
  );
}

const lines = (top, y, width) =>
  [...new Set([0, top / 2, top])]
    .filter(Number.isInteger)
    .map((value) => [
      s("line", { class: value ? "grid" : "axis", x1: EDGE.left, x2: width - EDGE.right, y1: y(value), y2: y(value) }),
      s("text", { class: "tick", x: EDGE.left - 6, y: y(value), dy: "0.32em", "text-anchor": "end" }, count(value)),
    ]);

function bar({ date, seats }, { x, y, step, unit, isMost }) {
  if (!seats) return null;
  const width = Math.max(1, Math.min(step * 0.76, WIDEST_BAR));
  const left = x + (step - width) / 2;
  const said = `${FULL[unit](date)}: ${t("n-seats", { n: seats })}`;
  return s(
    "g",
    {},
    s("title", {}, said),
    s("rect", { class: "bar", x: left, y: y(seats), width, height: y(0) - y(seats), rx: Math.min(3, width / 3) }),
    isMost && s("text", { class: "top", x: x + step / 2, y: y(seats) - 6, "text-anchor": "middle" }, count(seats)),
  );
}

/** As many as have room, the last one always. */
function dates(columns, unit, x, step) {
  const every = Math.max(1, Math.ceil(LABEL_WIDTH / step));
  const last = columns.length - 1;
  return columns.map(({ date }, index) => {
    if ((last - index) % every) return null;
    const middle = x(index) + step / 2;
    const isFar = index === last && step < LABEL_WIDTH;
    return s(
      "text",
      { class: "tick", x: isFar ? x(index) + step : middle, y: HEIGHT - 6, "text-anchor": isFar ? "end" : "middle" },
      AXIS[unit](date),
    );
  });
}
