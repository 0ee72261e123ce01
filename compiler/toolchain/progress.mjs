// Where the checkout is, and how set-up says what it is doing: nothing for quick steps, one line
// for those that let a person wait. It goes to stderr, so that stdout stays the command's own.

import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const PATIENCE_MS = 1000;

export function say(text) {
  process.stderr.write(`fairlead: ${text}\n`);
}

/** Runs `work`, and names it as soon as it has taken a second (or at once, with `always`). */
export async function step(label, work, { always = false } = {}) {
  const startMs = performance.now();
  let shown = always;
  if (always) say(`${label} …`);
  const timer = setTimeout(() => {
    if (shown) return;
    shown = true;
    say(`${label} …`);
  }, PATIENCE_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
    const seconds = (performance.now() - startMs) / 1000;
    if (shown) say(`${label}: ${seconds.toFixed(1)} s`);
  }
}
