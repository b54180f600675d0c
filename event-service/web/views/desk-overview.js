// What an event has sold and who has come, at a glance, new as long as somebody looks.
import { get } from "../api.js";
import { h } from "../dom.js";
import { count, localTime, money } from "../format.js";
import { t } from "../language.js";
import { explain } from "../parts.js";
import { dayChart } from "../desk/day-chart.js";
import { fillChart, strip } from "../desk/fill-chart.js";
import { partAddress } from "../desk/parts.js";
import { publishButton } from "../desk/publish.js";
import { whileVisible } from "../desk/refresh.js";

const REFRESH_SECONDS = 15;

export async function part(desk) {
  const { event, signal } = desk;
  if (event.status === "draft") return nextSteps(desk);
  const load = () => get(`/events/${event.id}/sales`, { signal });
  const sales = await load();
  const figures = h("div", { class: "figures" });
  const age = h("p", { class: "hint age" });
  const charts = [dayChart(event, signal), fillChart(event)];
  const show = (now) => {
    figures.replaceChildren(...mainFigures(event, now), ...moreFigures(event, now));
    charts[0].update(now.days);
    charts[1].update(now);
    age.textContent = t("desk.as-of", { time: localTime(new Date().toISOString()) });
  };
  show(sales);
  const refresh = async () => {
    try {
      show(await load());
    } catch (problem) {
      if (problem.name !== "AbortError") age.textContent = `${t("desk.stale")} ${explain(problem)}`;
    }
  };
  whileVisible(refresh, REFRESH_SECONDS, signal);
  return [figures, age, h("div", { class: "charts" }, charts.map(({ node }) => node))];
}

const mainFigures = (event, { booked, held, checked_in }) => [
  figure("sold", count(booked), {
    of: event.capacity,
    shares: [
      ["booked", booked / event.capacity],
      ["held", held / event.capacity],
    ],
  }),
  figure("checked-in", count(checked_in), { of: booked, shares: [["booked", checked_in / booked]] }),
];

const moreFigures = (event, { held, waiting, revenue }) => [
  figure("held", count(held)),
  figure("waiting", count(waiting)),
  figure("revenue", revenue ? money(revenue, event.currency, event.currency_digits) : count(0)),
];

function figure(name, text, whole) {
  return h(
    "div",
    { class: `figure ${whole ? "main" : ""}` },
    h("p", { class: "figure-name" }, t(`desk.figure.${name}`)),
    h(
      "p",
      { class: "figure-value" },
      h("strong", {}, text),
      whole && h("span", { class: "figure-of" }, ` ${t("of-capacity", { count: count(whole.of) })}`),
    ),
    whole && strip(whole.shares),
  );
}

const nextSteps = (desk) =>
  h(
    "div",
    { class: "next-steps" },
    h("p", {}, t("desk.draft-hint")),
    h(
      "div",
      { class: "actions" },
      publishButton(desk),
      h("a", { class: "button quiet", href: partAddress(desk.event, "settings") }, t("picture.add")),
      h("a", { class: "button quiet", href: `/my-events/${desk.event.id}/edit` }, t("edit")),
      h("a", { class: "button quiet", href: `/events/${desk.event.id}` }, t("desk.look")),
    ),
  );
