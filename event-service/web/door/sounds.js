// What is heard and felt of a result: nobody looks at the screen all the time.
const KEPT = "parterre-door-sound";
// Hertz, when and for how long in seconds.
const SOUNDS = {
  good: { type: "sine", tones: [[880, 0, 0.12], [1320, 0.12, 0.18]], shake: [80] },
  bad: { type: "square", tones: [[220, 0, 0.22], [160, 0.26, 0.4]], shake: [250, 100, 250] },
};

let context = null;

export const isOn = () => {
  try {
    return localStorage.getItem(KEPT) !== "off";
  } catch {
    return true;
  }
};

export function turn(on) {
  try {
    localStorage.setItem(KEPT, on ? "on" : "off");
  } catch {
    // It lasts until the page is closed.
  }
}

/** Browsers allow sound after a press only: to be called by one. */
export function unlock() {
  if (!globalThis.AudioContext) return;
  context ??= new AudioContext();
  if (context.state !== "running") context.resume().catch(() => null);
}

export function play(kind) {
  const { type, tones, shake } = SOUNDS[kind];
  navigator.vibrate?.(shake);
  if (!isOn() || context?.state !== "running") return;
  for (const [frequency, start, length] of tones) {
    const at = context.currentTime + start;
    const [tone, volume] = [new OscillatorNode(context, { type, frequency }), new GainNode(context)];
    // Without a ramp each tone would end with a click.
    volume.gain.setValueAtTime(type === "square" ? 0.15 : 0.4, at);
    volume.gain.exponentialRampToValueAtTime(0.001, at + length);
    tone.connect(volume).connect(context.destination);
    tone.start(at);
    tone.stop(at + length);
  }
}
