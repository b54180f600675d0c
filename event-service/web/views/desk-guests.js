// Who comes: found by name, booking or ticket code, by status and by whether they are in; and as a file.
import { get } from "../api.js";
import { download, h } from "../dom.js";
import { t } from "../language.js";
import { actionButton } from "../parts.js";
import { GuestList } from "../guest-list.js";

export async function part(desk) {
  const list = new GuestList(desk);
  await list.load();
  return [h("div", { class: "guest-tools" }, list.filters, file(desk)), list.node];
}

function file({ event, failed }) {
  const save = async () => {
    const options = { as: "blob", headers: { Accept: "text/csv" } };
    download(await get(`/events/${event.id}/attendees.csv`, options), `${t("attendees-file")}.csv`);
  };
  return actionButton(t("attendees"), "quiet", save, failed);
}
