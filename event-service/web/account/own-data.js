// Everything that the three services know of somebody, as one file.
import { get, Problem } from "../api.js";
import { download, h } from "../dom.js";
import { t } from "../language.js";
import { actionButton, alert, explain } from "../parts.js";

const PARTS = [
  ["account", "/users/me/data"],
  ["bookings", "/bookings/me/data"],
  ["mails", "/notifications/me/data"],
];

export function ownData() {
  const problems = h("div", {});
  const button = actionButton(
    t("data-download"),
    "quiet",
    async () => {
      problems.replaceChildren();
      const day = new Date().toISOString().slice(0, 10);
      download(await collect(), `parterre-${day}.json`);
    },
    (problem) => problems.replaceChildren(alert(explain(problem))),
  );
  return h(
    "details",
    {},
    h("summary", {}, t("data")),
    h("p", {}, t("data-text")),
    h("div", { class: "actions" }, button),
    problems,
  );
}

/** The documents side by side, unread: there may be years of them. */
async function collect() {
  const blobs = await Promise.all(PARTS.map(([, path]) => part(path)));
  const pieces = PARTS.flatMap(([name], index) => [`${index ? "," : "{"}\n"${name}": `, blobs[index]]);
  return new Blob([...pieces, "\n}\n"], { type: "application/json" });
}

async function part(path) {
  try {
    return await get(path, { as: "blob" });
  } catch (problem) {
    // A document that ends in the middle: the connection was lost.
    throw problem instanceof Problem ? problem : new Problem("network", 0);
  }
}
