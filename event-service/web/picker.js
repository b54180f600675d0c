// "Two seats in the stalls, please": for those who do not want to look for them on the map.
import { h } from "./dom.js";
import { isolate, t } from "./language.js";
import { stepper } from "./parts.js";

export function picker(map, limit, say) {
  const number = stepper({ label: t("how-many"), value: Math.min(2, limit), max: limit });
  const firstFree = Math.max(
    0,
    map.free.findIndex((free) => free > 0),
  );
  const section = h(
    "select",
    { "aria-label": t("section") },
    map.sections.map(({ name, price }, index) =>
      h("option", { value: index, selected: index === firstFree }, `${isolate(name)} · ${map.money(price)}`),
    ),
  );
  const choose = h(
    "button",
    {
      type: "button",
      class: "quiet",
      onclick: () => {
        const found = map.pick(Number(section.value), number.number);
        if (!found) say(t("too-few-here"));
        if (found === "apart") say(t("scattered"));
      },
    },
    t("pick-for-me"),
  );
  return h("div", { class: "picker" }, number, map.sections.length > 1 && section, choose);
}
