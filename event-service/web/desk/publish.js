// A draft becomes an event that everybody finds.
import { post } from "../api.js";
import { toast } from "../dom.js";
import { t } from "../language.js";
import { actionButton } from "../parts.js";

export function publishButton(desk) {
  const publish = async () => {
    const event = await post(`/events/${desk.event.id}/publish`);
    toast(t("published"), "good");
    await desk.become(event);
  };
  return actionButton(t("publish"), "primary", publish, desk.failed);
}
