// The picture of an event: chosen, cut to shape, stored, replaced, removed.
import { api, get } from "../api.js";
import { ask, h, toast } from "../dom.js";
import { t } from "../language.js";
import { actionButton } from "../parts.js";
import { Crop } from "./crop.js";

const TYPES = "image/jpeg,image/png,image/webp";
const SHOWN_WIDTH = 640;
const WIDE_ENOUGH = 640;

export function pictureBlock(desk) {
  const { event, failed } = desk;
  const input = h("input", { type: "file", accept: TYPES, hidden: true, name: "picture" });
  const choose = actionButton(
    t(event.image_url ? "picture.replace" : "picture.choose"),
    "quiet",
    () => chosen(input).then((file) => file && store(desk, file)),
    failed,
  );
  const buttons = [choose, input];
  if (event.image_url) buttons.push(actionButton(t("picture.remove"), "quiet danger", () => remove(desk), failed));
  const node = h(
    "section",
    { class: "setting" },
    h("h3", {}, t("picture.title")),
    h("p", { class: "hint" }, t("picture.hint")),
    event.image_url && shown(desk),
    h("div", { class: "actions" }, buttons),
  );
  dropped(node, (file) => store(desk, file).catch(failed));
  return node;
}

/** The file that the person chooses; null without one. */
function chosen(input) {
  return new Promise((resolve) => {
    input.value = "";
    const take = () => resolve(input.files[0] ?? null);
    input.addEventListener("change", take, { once: true });
    input.addEventListener("cancel", () => resolve(null), { once: true });
    input.click();
  });
}

function dropped(node, take) {
  node.addEventListener("dragover", (event) => event.preventDefault());
  node.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    if (file) take(file);
  });
}

/** That of a draft comes with the session; an address in a page has none once its token has ended. */
function shown({ event, signal }) {
  const image = h("img", { class: "own-picture", alt: t("picture.alt"), width: 16, height: 9 });
  const path = event.image_url.replace(/^\/api\/v1/, "").replace(/-\d+\.webp$/, `-${SHOWN_WIDTH}.webp`);
  get(path, { as: "blob", signal }).then(
    (blob) => {
      const url = URL.createObjectURL(blob);
      image.src = url;
      signal.addEventListener("abort", () => URL.revokeObjectURL(url), { once: true });
    },
    () => image.remove(),
  );
  return image;
}

async function store(desk, file) {
  desk.clear();
  const image = await createImageBitmap(file).catch(() => null);
  if (!image) return toast(t("picture.unreadable"), "bad");
  const crop = new Crop(image);
  const small = image.width < WIDE_ENOUGH && h("p", { class: "hint" }, t("picture.small"));
  const words = { title: t("picture.crop"), yes: t("picture.save"), no: t("picture.back"), kind: "" };
  try {
    if (!(await ask({ ...words, content: [small, crop.node] }))) return;
    const event = await api("PUT", `/events/${desk.event.id}/image`, { file: await crop.toBlob() });
    toast(t("picture.saved"), "good");
    await desk.become(event);
  } finally {
    image.close();
  }
}

async function remove(desk) {
  if (!(await ask({ title: t("picture.remove-ask"), yes: t("picture.remove"), no: t("keep") }))) return;
  await api("DELETE", `/events/${desk.event.id}/image`);
  toast(t("picture.removed"));
  await desk.become({ ...desk.event, image_url: null });
}
