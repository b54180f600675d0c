// Said where what this device has kept stands in for the service.
import { h } from "./dom.js";
import { t } from "./language.js";
import { dayAndTime } from "./when.js";

export const awayNotice = (keptAt) =>
  h(
    "p",
    { class: "notice away no-print", role: "status" },
    t("tickets-away", { when: dayAndTime(keptAt) }),
    " ",
    h("button", { type: "button", class: "link", onclick: () => location.reload() }, t("try-again")),
  );
