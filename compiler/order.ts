// The two orders that the API uses everywhere: text by code unit, and age. Neither depends on a
// locale or a clock.

export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function timeOf(timestamp: string | undefined): number {
  const time = timestamp === undefined ? NaN : Date.parse(timestamp);
  // A resource that no API server has seen yet counts as the newest.
  return Number.isNaN(time) ? Infinity : time;
}

/** Below zero where `a` is the older of two creation timestamps. */
export function compareAge(a: string | undefined, b: string | undefined): number {
  const [left, right] = [timeOf(a), timeOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
