// Whether the three services are well, what waits, and the way to other tools. It keeps itself fresh.
import { get } from "../api.js";
import { failed } from "../admin-parts.js";
import { h, pause } from "../dom.js";
import { count, localTime } from "../format.js";
import { t } from "../language.js";
import { badge } from "../parts.js";

const REFRESH_MILLISECONDS = 10_000;
const STATES = { ready: "good", "not-ready": "bad", unreachable: "bad" };

export async function render({ signal }) {
  const status = await get("/operations/status", { signal });
  const services = h("div", { class: "service-cards" });
  const asOf = h("p", { class: "hint" });
  const show = (now) => {
    services.replaceChildren(...now.services.map(card));
    asOf.textContent = t("admin.as-of", { time: localTime(new Date().toISOString()) });
  };
  show(status);
  const node = h("div", {}, h("h1", {}, t("admin.overview")), asOf, services, tools(status.links));
  keepFresh(show, signal);
  return { title: t("admin.overview"), node };
}

/** Until the view is left; a failure is told once, and the time that is shown stays behind. */
async function keepFresh(show, signal) {
  let isTold = false;
  while (!signal.aborted) {
    await pause(REFRESH_MILLISECONDS, signal);
    if (signal.aborted || document.hidden) continue;
    try {
      show(await get("/operations/status", { signal }));
      isTold = false;
    } catch (problem) {
      if (problem.name === "AbortError" || problem.status === 401) return;
      if (!isTold) failed(problem);
      isTold = true;
    }
  }
}

function card({ name, state, missing, milliseconds, measures }) {
  return h(
    "section",
    { class: "service-card" },
    h("div", { class: "title-line" }, h("h2", {}, t(`service.${name}`)), badge(t(`state.${state}`), STATES[state])),
    h("p", { class: "hint" }, name, state !== "unreachable" && ` · ${t("admin.answered-in", { count: count(milliseconds) })}`),
    missing.length > 0 && h("p", { class: "error" }, t("admin.missing", { names: missing.join(", ") })),
    h(
      "dl",
      { class: "facts" },
      Object.entries(measures).map(([measure, value]) =>
        h("div", {}, h("dt", {}, t(`measure.${measure}`)), h("dd", {}, measured(measure, value))),
      ),
    ),
  );
}

function measured(measure, value) {
  if (value < 0) return t("admin.unknown");
  if (measure.endsWith("_seconds")) return t("admin.seconds", { count: count(Math.round(value)) });
  const isFailed = measure === "notifications_failed" && value > 0;
  return isFailed ? h("a", { href: "/admin/failures" }, count(value)) : count(value);
}

function tools({ flower, ...docs }) {
  // In windows of their own: they are not views of this page.
  const link = (href, text) => h("li", {}, h("a", { href, target: "_blank", rel: "noopener" }, text));
  return h(
    "section",
    {},
    h("h2", {}, t("admin.tools")),
    h(
      "ul",
      { class: "tools" },
      link(flower, t("admin.flower")),
      Object.entries(docs).map(([name, href]) => link(href, t("admin.docs", { name }))),
    ),
  );
}
