// What an organizer does with an event as a whole: publish, change, repeat, call off; and its picture.
import { api, post, serverNow } from "../api.js";
import { cancellationMails, mailsText } from "../before-change.js";
import { duplicate } from "../desk/duplicate.js";
import { pictureBlock } from "../desk/picture.js";
import { publishButton } from "../desk/publish.js";
import { ask, h, toast } from "../dom.js";
import { t } from "../language.js";
import { actionButton, field, titleOf } from "../parts.js";
import { share } from "../share.js";

export async function part(desk) {
  const { event } = desk;
  const isOver = Date.parse(event.ends_at) <= serverNow();
  const isCancelled = event.status === "cancelled";
  return [
    event.status === "draft" && block("publish", publishButton(desk)),
    block(
      "page",
      !isCancelled && h("a", { class: "button quiet", href: `/my-events/${event.id}/edit` }, t("edit")),
      h("a", { class: "button quiet", href: `/events/${event.id}` }, t("to-event")),
      event.status === "published" && shareButton(desk),
    ),
    isCancelled ? null : pictureBlock(desk),
    block("duplicate", actionButton(t("duplicate"), "quiet", () => duplicate(desk), desk.failed)),
    event.status === "draft" &&
      block("delete", actionButton(t("delete-draft"), "quiet danger", () => remove(desk), desk.failed)),
    // What has taken place cannot be called off any more.
    event.status === "published" &&
      !isOver &&
      block("cancel", actionButton(t("cancel-event"), "quiet danger", () => cancel(desk), desk.failed)),
  ];
}

const block = (word, ...buttons) =>
  h(
    "section",
    { class: "setting" },
    h("h3", {}, t(`setting.${word}`)),
    h("p", { class: "hint" }, t(`setting.${word}-hint`)),
    h("div", { class: "actions" }, buttons),
  );

const shareButton = ({ event, failed }) =>
  actionButton(t("copy-link"), "quiet", () => share(titleOf(event), `/events/${event.id}`), failed);

async function remove({ event, go }) {
  if (!(await ask({ title: t("delete-draft-ask"), yes: t("delete-draft"), no: t("keep") }))) return;
  await api("DELETE", `/events/${event.id}`);
  go("/my-events");
}

async function cancel(desk) {
  const { event } = desk;
  const reason = field({ label: t("reason"), name: "reason", rows: 4, maxlength: 500, hint: t("reason-hint") });
  const mails = mailsText(await cancellationMails(event));
  const sure = await ask({
    title: t("cancel-event-ask"),
    text: t("cancel-event-text"),
    yes: t("cancel-event"),
    no: t("keep"),
    content: [h("p", { class: "mail-count" }, mails), reason],
  });
  if (!sure) return;
  const words = reason.input.value.trim();
  await desk.become(await post(`/events/${event.id}/cancel`, words ? { reason: words } : {}));
  toast(t("event-cancelled"));
}
