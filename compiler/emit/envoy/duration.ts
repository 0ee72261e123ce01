// Durations as Envoy's JSON and YAML have them.

/** A hundred years. Envoy's own end is beyond, and not the same for every field. */
export const durationMax = 3_155_760_000_000;

/** Envoy wants seconds; three decimals carry every millisecond exactly. */
export function duration(ms: number): string {
  const text = (Math.min(ms, durationMax) / 1000).toFixed(3);
  return `${text.replace(/\.?0+$/, "")}s`;
}

export function optionalDuration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : duration(ms);
}
