// Durations as Go and Kubernetes write them: "30s", "1m30s", "1.5h", "100ms".

const unitsMs: Readonly<Record<string, number>> = {
  h: 3_600_000, m: 60_000, s: 1000, ms: 1, us: 1e-3, "µs": 1e-3, ns: 1e-6,
};

/** Milliseconds, or nothing where the text is not a duration. */
export function durationMs(text: string): number | undefined {
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ms|us|µs|ns|h|m|s)/g)];
  if (parts.length === 0 || parts.map((p) => p[0]).join("") !== text) return undefined;
  return parts.reduce((sum, [, number, unit]) =>
    sum + Number(number) * (unitsMs[unit ?? ""] ?? 0), 0);
}
