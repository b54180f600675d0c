// Days of sales for a chart: those without sales stand between, and many days become weeks or months.

const DAY_MILLISECONDS = 86_400_000;
const MOST_COLUMNS = 62;
const LEAST_DAYS = 7;

const utc = (date) => Date.parse(`${date}T00:00:00Z`);
const iso = (milliseconds) => new Date(milliseconds).toISOString().slice(0, 10);

/** The date of a moment on the clocks of a zone, as YYYY-MM-DD. */
export function dateIn(zone, moment = Date.now()) {
  const options = { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" };
  const parts = {};
  for (const { type, value } of new Intl.DateTimeFormat("en", options).formatToParts(moment))
    parts[type] = value;
  return `${parts.year}-${parts.month}-${parts.day}`;
}

const monthOf = (date) => `${date.slice(0, 7)}-01`;
/** Monday of the week. */
const weekOf = (date) => iso(utc(date) - ((new Date(utc(date)).getUTCDay() + 6) % 7) * DAY_MILLISECONDS);

function next(unit, date) {
  if (unit !== "month") return iso(utc(date) + (unit === "week" ? 7 : 1) * DAY_MILLISECONDS);
  const at = new Date(utc(date));
  return iso(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1));
}

/** `days` as the service has them, in ascending order; `today` in the same zone. Columns from the first sale
 * until today, or the last sale: `{unit: day|week|month, columns: [{date, seats, revenue}]}`, each with the
 * date of its first day. */
export function columnsOf(days, today) {
  if (!days.length) return { unit: "day", columns: [] };
  const last = days.at(-1).date > today ? days.at(-1).date : today;
  const least = iso(utc(last) - (LEAST_DAYS - 1) * DAY_MILLISECONDS);
  const first = days[0].date < least ? days[0].date : least;
  const span = (utc(last) - utc(first)) / DAY_MILLISECONDS + 1;
  const unit = span <= MOST_COLUMNS ? "day" : span <= MOST_COLUMNS * 7 ? "week" : "month";
  const start = { day: (date) => date, week: weekOf, month: monthOf }[unit];
  const columns = new Map();
  for (let date = start(first); date <= last; date = next(unit, date))
    columns.set(date, { date, seats: 0, revenue: 0 });
  for (const { date, seats, revenue } of days) {
    const column = columns.get(start(date));
    column.seats += seats;
    column.revenue += revenue;
  }
  return { unit, columns: [...columns.values()] };
}

/** Seats and revenue of the last `number` days, today among them. */
export function sumOfLast(days, today, number) {
  const from = iso(utc(today) - (number - 1) * DAY_MILLISECONDS);
  const sum = { seats: 0, revenue: 0 };
  for (const { date, seats, revenue } of days) {
    if (date < from) continue;
    sum.seats += seats;
    sum.revenue += revenue;
  }
  return sum;
}

/** The least round number that is not below `n`: 1, 2, 4, 6, 10, 20, 40, 60, 100 ... Half of it is whole
 * above 1. */
export function roundUp(n) {
  if (n <= 1) return 1;
  let unit = 1;
  while (unit * 10 < n) unit *= 10;
  return unit * [2, 4, 6, 10].find((step) => step * unit >= n);
}
