// The part of an event's page where seats are chosen: the best groups, the plan and its legend.
import { get } from "./api.js";
import { h, pause, toast } from "./dom.js";
import { t } from "./language.js";
import { alert, explain } from "./parts.js";
import { Picker } from "./picker.js";
import { SeatMap } from "./seat-map.js";
import { readChoice } from "./seats/choice.js";

// How old the states of seats may be, and the plan with them.
export const AGE_MILLISECONDS = 1_200;
const TRIES = 3;

/** Fills `place` with the map of `event` and gives it to the panel; `priced` hears the sections. Never raises. */
export async function showSeats({ event, panel, place, signal, priced }) {
  const title = h("h2", { id: "seats-title" }, t("choose-seats"));
  const again = () => showSeats({ event, panel, place, signal, priced });
  try {
    if (!panel.map) place.replaceChildren(title, skeleton());
    const plan = await readPlan(event, signal);
    if (signal.aborted) return;
    const map = new SeatMap({
      ...plan,
      event,
      signal,
      changed: () => {
        panel.chose();
        picker?.mark();
      },
      refused: (why) => toast(why),
    });
    const picker = panel.closed ? null : new Picker(map, panel.limit, toast);
    priced?.(plan.sections);
    place.replaceChildren(
      title,
      picker?.node ?? "",
      h("p", { class: "sr", id: "map-keys" }, t("keys-hint")),
      map.node,
      legend(map),
    );
    panel.setMap(map);
    panel.restore(readChoice(event.id));
  } catch (problem) {
    if (signal.aborted) return;
    const button = h("button", { type: "button", class: "quiet", onclick: again }, t("try-again"));
    place.replaceChildren(title, alert(explain(problem)), button);
  }
}

/** The rows of the hall and, as they change all the time, the states of its seats: of the same plan. */
async function readPlan({ id }, signal) {
  for (let tries = 1; ; tries += 1) {
    const [plan, { states, version }] = await Promise.all([
      get(`/events/${id}/seats/plan`, { signal }).catch((problem) => {
        // A server of the release before, which is just being replaced, has no such route.
        if (problem.status === 404 && tries < TRIES) return {};
        throw problem;
      }),
      get(`/events/${id}/seats/states`, { signal }),
    ]);
    // Of an event that is changed again and again the newest are as good: the next look shows that they differ.
    if (plan.version === version || (plan.sections && tries >= TRIES)) return { ...plan, states };
    await pause(AGE_MILLISECONDS, signal);
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
