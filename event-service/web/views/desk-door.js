// The door of an event: checking in by typing a code, and links for helpers.
import { get, post, serverNow } from "../api.js";
import { h } from "../dom.js";
import { count, dateAndTime } from "../format.js";
import { t } from "../language.js";
import { field, form } from "../parts.js";
import { strip } from "../desk/fill-chart.js";
import { whileVisible } from "../desk/refresh.js";

const REFRESH_SECONDS = 10;

export async function part(desk) {
  const { event, signal } = desk;
  const load = () => get(`/events/${event.id}/sales`, { signal });
  const place = h("div", { class: "figure main door-count" });
  const show = ({ checked_in: inside, booked }) =>
    place.replaceChildren(
      h("p", { class: "figure-name" }, t("desk.figure.checked-in")),
      h("p", { class: "figure-value" }, h("strong", {}, count(inside)), h("span", { class: "figure-of" }, ` ${t("of-capacity", { count: count(booked) })}`)),
      strip([["booked", inside / booked]]),
    );
  show(await load());
  const refresh = async () => {
    // The next look may succeed; what was said last stands.
    const sales = await load().catch(() => null);
    if (sales) show(sales);
  };
  whileVisible(refresh, REFRESH_SECONDS, signal);
  if (event.status !== "published") return place;
  return [place, checkIn(event, refresh), Date.parse(event.ends_at) > serverNow() && (await links(desk))];
}

/** The part for helpers' links; without it one can still check in. */
async function links({ event, signal }) {
  const loaded = await import("../door-links.js").catch(() => null);
  return loaded?.doorLinks(event, signal);
}

function checkIn(event, checkedIn) {
  const code = field({
    label: t("ticket-code"),
    name: "ticket_code",
    required: true,
    maxlength: 100,
    autocomplete: "off",
    autocapitalize: "characters",
    spellcheck: "false",
  });
  const result = h("p", { class: "check-result", role: "status" });
  const say = (kind, text) => {
    result.className = `check-result ${kind}`;
    result.textContent = text;
  };
  const element = form({
    className: "form inline",
    fields: [code],
    submit: t("check-in"),
    done: async (values) => {
      say("", "");
      try {
        const done = await post(`/events/${event.id}/check-ins`, { ticket_code: values.ticket_code.trim() });
        const who = done.guest_name ?? done.ticket_code;
        say("good", t("checked-in", { who, n: count(done.checked_in), capacity: count(done.capacity) }));
        checkedIn();
        element.reset();
      } catch (problem) {
        say("bad", refusal(event, problem));
      } finally {
        code.input.focus();
      }
    },
  });
  return h("section", {}, h("h3", {}, t("check-in")), element, result);
}

/** Raises what is no refusal of the ticket. */
function refusal(event, problem) {
  if (problem.code === "already-checked-in")
    return t("already-in", { when: dateAndTime(problem.checked_in_at, event.timezone) });
  if (problem.status === 404) return t("no-such-ticket");
  throw problem;
}
