// How full the hall is, and each of its sections: booked is solid, held is hatched, free is empty.
import { h, s } from "../dom.js";
import { count, money } from "../format.js";
import { t } from "../language.js";

/** `{node, update(sales)}` */
export function fillChart(event) {
  const list = h("ul", { class: "fills" });
  const amount = (minor) => money(minor, event.currency, event.currency_digits);
  const node = h("section", { class: "chart-block" }, h("h3", {}, t("chart.fill")), list, legend());
  const update = ({ booked, held, revenue, sections }) => {
    const whole = { name: t("chart.hall"), capacity: event.capacity, booked, held, revenue };
    const rows = [whole, ...sections].map((row) => fill({ held: 0, ...row }, amount));
    list.replaceChildren(...rows);
  };
  return { node, update };
}

function fill({ name, capacity, booked, held, revenue }, amount) {
  const said = t("chart.of", { booked: count(booked), capacity: count(capacity), percent: percent(booked, capacity) });
  return h(
    "li",
    {},
    h("p", { class: "fill-name" }, h("bdi", {}, name), h("span", { class: "fill-money" }, revenue ? amount(revenue) : "")),
    strip([
      ["booked", booked / capacity],
      ["held", held / capacity],
    ]),
    h("p", { class: "hint" }, held ? `${said} · ${t("chart.held", { n: held, count: count(held) })}` : said),
  );
}

/** Never "100 %" while a seat is free, nor "0 %" when one is booked. */
function percent(part, whole) {
  if (!whole) return 0;
  const exact = (part / whole) * 100;
  if (exact > 99 && exact < 100) return 99;
  return exact > 0 && exact < 1 ? 1 : Math.round(exact);
}

let strips = 0;

/** Parts of a whole from left to right: `[kind, share of 1]`. The words beside it say the same. */
export function strip(shares) {
  const id = `hatch-${++strips}`;
  let at = 0;
  const pieces = shares.map(([kind, share]) => {
    const width = Math.min(1 - at, Number.isFinite(share) ? share : 0);
    const place = { x: `${at * 100}%`, width: `${width * 100}%`, height: "100%" };
    at += width;
    return width > 0 && s("rect", { class: `share ${kind}`, fill: kind === "held" && `url(#${id})`, ...place });
  });
  return s("svg", { class: "strip", "aria-hidden": "true" }, hatch(id), pieces);
}

const hatch = (id) =>
  s(
    "pattern",
    { id, width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    s("rect", { class: "share", width: 2.5, height: 6 }),
  );

const legend = () =>
  h(
    "p",
    { class: "legend-line" },
    ["booked", "held", "free"].map((kind) =>
      h("span", {}, strip([[kind, kind === "free" ? 0 : 1]]), t(`chart.${kind}-legend`)),
    ),
  );
