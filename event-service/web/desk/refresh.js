// Figures that stay new while somebody looks at them.

/** Runs `work` every `seconds` while the page is visible, and at once when it becomes so again, until the
 * view is left. One at a time; `work` deals with its own failures. */
export function whileVisible(work, seconds, signal) {
  let timer = null;
  let isRunning = false;
  const run = async () => {
    clearTimeout(timer);
    if (isRunning || signal.aborted || document.hidden) return;
    isRunning = true;
    try {
      await work();
    } finally {
      isRunning = false;
      plan();
    }
  };
  const plan = () => {
    clearTimeout(timer);
    if (!signal.aborted && !document.hidden) timer = setTimeout(run, seconds * 1000);
  };
  for (const [target, name] of [
    [document, "visibilitychange"],
    [window, "online"],
  ])
    target.addEventListener(name, run, { signal });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  plan();
}
