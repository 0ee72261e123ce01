// Durations as Envoy's JSON and YAML have them.

/** Envoy wants seconds; three decimals carry every millisecond exactly. */
export function duration(ms: number): string {
  const text = (ms / 1000).toFixed(3);
  return `${text.replace(/\.?0+$/, "")}s`;
}

export function optionalDuration(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : duration(ms);
}
