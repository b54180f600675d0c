// The picture of the camera with its buttons, and what to do where there is none.
import { h } from "../dom.js";
import { t } from "../language.js";
import { actionButton } from "../parts.js";
import { Camera } from "./camera.js";
import { isOn, turn, unlock } from "./sounds.js";

const FAILURES = { NotAllowedError: "door.camera-denied", NotReadableError: "door.camera-busy" };

function toggle(label, isPressed, press) {
  const button = h("button", { type: "button", class: "quiet small", "aria-pressed": String(isPressed) }, label);
  button.addEventListener("click", async () => {
    const next = button.getAttribute("aria-pressed") !== "true";
    await press(next);
    button.setAttribute("aria-pressed", String(next));
  });
  return button;
}

export function cameraPanel({ found }) {
  const video = h("video", { playsinline: true, muted: true, tabindex: -1, "aria-hidden": "true" });
  const camera = new Camera(video);
  const problem = h("p", { class: "camera-problem", role: "alert" });
  const start = actionButton(t("door.start"), "primary", begin, failed);
  const before = h("div", { class: "before" }, start, problem);
  const buttons = h("div", { class: "camera-buttons" });
  const aim = h("p", { class: "aim" }, t("door.aim"));
  const node = h(
    "section",
    { class: "camera", "aria-label": t("door.camera") },
    video,
    h("div", { class: "frame", "aria-hidden": "true" }),
    before,
    aim,
    buttons,
  );
  const show = (isRunning) => {
    node.classList.toggle("running", isRunning);
    before.hidden = isRunning;
    aim.hidden = !isRunning;
    buttons.replaceChildren(
      ...[
        isRunning && h("button", { type: "button", class: "quiet small", onclick: () => camera.stop() }, t("door.stop")),
        isRunning && camera.hasLight && toggle(t("door.light"), false, (on) => camera.light(on)),
        toggle(t("door.sound"), isOn(), turn),
      ].filter(Boolean),
    );
  };

  async function begin() {
    unlock();
    problem.textContent = "";
    await camera.start();
    show(true);
    buttons.firstElementChild.focus({ preventScroll: true });
  }

  function failed(error) {
    camera.stop();
    if (!(error instanceof DOMException)) console.warn(error.message);
    problem.textContent = t(FAILURES[error.name] ?? "door.no-camera");
  }

  camera.addEventListener("code", ({ detail }) => found(detail));
  camera.addEventListener("stopped", () => {
    const hadFocus = buttons.contains(document.activeElement);
    show(false);
    if (hadFocus) start.focus();
  });
  show(false);
  return { node, pause: (isPaused) => (camera.isPaused = isPaused), stop: () => camera.stop() };
}
