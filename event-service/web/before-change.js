// How many people a change of an event would mail, said before it is made.
import { post } from "./api.js";
import { ask } from "./dom.js";
import { count } from "./format.js";
import { t } from "./language.js";

/** "12 guests will get a mail", or that nobody will. */
export const mailsText = (n) => (n ? t("mails-to", { n, count: count(n) }) : t("mails-to-nobody"));

/** Whether to send `body` as a change of the event: true at once where no guest is told of it, else as the
 * person says. Raises Problem where the change would be refused. */
export async function mayChange(event, body) {
  const options = { headers: { "If-Match": `"${event.version}"` } };
  const { guests } = await post(`/events/${event.id}/changes/preview`, body, options);
  if (!guests) return true;
  return ask({
    title: t("mails-title"),
    text: `${mailsText(guests)} ${t("mails-of-change")}`,
    yes: t("mails-save"),
    no: t("mails-back"),
    kind: "",
  });
}

/** How many people would get a mail if the event were cancelled. */
export async function cancellationMails(event) {
  const { guests } = await post(`/events/${event.id}/cancel/preview`);
  return guests;
}
