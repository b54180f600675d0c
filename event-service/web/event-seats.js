// The part of an event's page where seats are chosen: the best groups, the plan and its legend.
import { get } from "./api.js";
import { h, toast } from "./dom.js";
import { t } from "./language.js";
import { alert, explain } from "./parts.js";
import { Picker } from "./picker.js";
import { SeatMap } from "./seat-map.js";
import { readChoice } from "./seats/choice.js";

/** Fills `place` with the map of `event` and gives it to the panel. `asked` is the answer when it was asked for
 * before; `priced` hears the sections. Never raises. */
export async function showSeats({ event, panel, place, signal, asked, priced }) {
  const title = h("h2", { id: "seats-title" }, t("choose-seats"));
  const again = () => showSeats({ event, panel, place, signal, priced });
  try {
    if (!panel.map) place.replaceChildren(title, skeleton());
    const { sections } = await (asked ?? get(`/events/${event.id}/seats`, { signal }));
    if (signal.aborted) return;
    const map = new SeatMap({
      sections,
      event,
      signal,
      changed: () => {
        panel.chose();
        picker?.mark();
      },
      refused: (why) => toast(why),
    });
    const picker = panel.closed ? null : new Picker(map, panel.limit, toast);
    priced?.(sections);
    place.replaceChildren(
      title,
      picker?.node ?? "",
      h("p", { class: "sr", id: "map-keys" }, t("keys-hint")),
      map.node,
      legend(map),
    );
    panel.setMap(map, again);
    panel.restore(readChoice(event.id));
  } catch (problem) {
    if (signal.aborted) return;
    const button = h("button", { type: "button", class: "quiet", onclick: again }, t("try-again"));
    place.replaceChildren(title, alert(explain(problem)), button);
  }
}

function skeleton() {
  return h("p", { class: "waiting", role: "status" }, t("loading-seats"));
}

function legend(map) {
  const special = ["accessible", "blocked"].filter((kind) => map.kinds.has(kind));
  return h(
    "ul",
    { class: "legend", "aria-hidden": "true" },
    ["free", "chosen", "mine", "taken", "held", ...special].map((state) =>
      h("li", {}, h("span", { class: `seat ${state} ${state === "accessible" ? "free" : ""} sample` }), t(`seat.${state}`)),
    ),
  );
}
