// The camera: frames go to the worker one at a time, and what it reads comes back once.
import { startDecoder } from "./scripts.js";

// Of a frame's longer side: enough for a code that takes a seventh of it.
const LONGEST = 960;
// A code that stays before the camera is one scan, until it was away for so long.
const AWAY_MILLISECONDS = 2500;

/** Events: "code" with the text as `detail`. */
export class Camera extends EventTarget {
  constructor(video) {
    super();
    Object.assign(this, { video, stream: null, isPaused: false, last: null, seenAt: 0, frames: 0 });
  }

  /** Raises DOMException (NotAllowedError, NotFoundError, ...) or TypeError where there is no camera. */
  async start() {
    const video = { facingMode: { ideal: "environment" }, width: { ideal: 1280 }, height: { ideal: 720 } };
    this.stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    this.video.srcObject = this.stream;
    this.track.addEventListener("ended", () => this.stop());
    await this.video.play();
    this.worker = startDecoder();
    this.worker.addEventListener("message", ({ data }) => this.decoded(data));
    this.lock();
  }

  get track() {
    return this.stream?.getVideoTracks()[0];
  }

  stop() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.worker?.terminate();
    this.stream = this.worker = this.video.srcObject = null;
    this.dispatchEvent(new Event("stopped"));
  }

  decoded(text) {
    if (text === "ready") return this.look();
    this.frames += 1;
    if (text !== null && !this.isPaused) this.found(text);
    this.look();
  }

  found(text) {
    const now = performance.now();
    const isSame = text === this.last && now - this.seenAt < AWAY_MILLISECONDS;
    Object.assign(this, { last: text, seenAt: now });
    if (!isSame) this.dispatchEvent(new CustomEvent("code", { detail: text }));
  }

  look() {
    if (!this.worker) return;
    const { video } = this;
    const next = () => this.send().catch(() => setTimeout(() => this.look(), 200));
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(next);
    else setTimeout(next, 60);
  }

  async send() {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight));
    const size = [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
    if (globalThis.OffscreenCanvas) {
      const [resizeWidth, resizeHeight] = size;
      const bitmap = await createImageBitmap(this.video, { resizeWidth, resizeHeight });
      this.worker?.postMessage({ bitmap }, [bitmap]);
    } else {
      const pixels = this.pixels(...size);
      this.worker?.postMessage({ pixels }, [pixels.data.buffer]);
    }
  }

  /** Where a worker has no canvas (Safari before 16.4). */
  pixels(width, height) {
    this.canvas ??= document.createElement("canvas");
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, 0, 0, width, height);
    return context.getImageData(0, 0, width, height);
  }

  get hasLight() {
    return Boolean(this.track?.getCapabilities?.().torch);
  }

  light(torch) {
    return this.track.applyConstraints({ advanced: [{ torch }] });
  }

  /** The screen stays on while somebody scans. */
  async lock() {
    try {
      await navigator.wakeLock?.request("screen");
    } catch {
      // The battery is low: the phone decides.
    }
  }
}
