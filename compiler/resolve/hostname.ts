// Hostnames as listeners and routes write them: "api.example.com", "*.example.com" (one or more
// labels before the suffix), or absent, which we write "*".

export const anyHost = "*";

/** Lower case, and "*" for an absent or empty hostname. */
export function canonicalHost(hostname: string | undefined): string {
  return hostname ? hostname.toLowerCase() : anyHost;
}

function isWildcard(hostname: string): boolean {
  return hostname.startsWith("*.");
}

/** Does every name that `inner` stands for belong to `outer` too? Both canonical. */
export function covers(outer: string, inner: string): boolean {
  if (outer === anyHost || outer === inner) return true;
  // Cutting the star keeps the dot, so that "*.example.com" does not take "badexample.com".
  return isWildcard(outer) && inner !== anyHost && inner.endsWith(outer.slice(1));
}

/** The names that both stand for, or nothing where they are disjoint. Both canonical. */
export function intersect(a: string, b: string): string | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** Characters outside of a wildcard label: the spec's first measure of how specific a host is. */
export function exactLength(hostname: string): number {
  return hostname.startsWith("*") ? 0 : hostname.length;
}

/**
 * Below zero where `a` is the more specific: an exact host before every wildcard, then the one with
 * more characters. "*" has one character, which makes it the least specific of all.
 */
export function compareSpecificity(a: string, b: string): number {
  return exactLength(b) - exactLength(a) || b.length - a.length;
}
