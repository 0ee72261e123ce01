// What all paths of a virtual host begin with, by which a request that none of them takes can be
// told from its first bytes. Worked out here, so that whoever asks the core need not ask it.

import { NONE, PATH_PREFIX, PATH_REGEX, PATH_VALUE } from "../../filters/core/format.ts";
import type { Plan } from "./plan.ts";

/** What may follow a path that is no longer than what all begin with; of an exact one no slash. */
const ends = "?#";

/** VIRTUAL_HOST_LEAD, and VIRTUAL_HOST_FOLLOWERS in two words. */
export function leadOf(plan: Plan, virtualHost: number): readonly [number, number, number] {
  const nothing = [NONE, 0, 0] as const;
  const host = plan.virtualHosts[virtualHost];
  // Elsewhere another virtual host, or whoever asks, may still take the request.
  if (host === undefined || host.next !== NONE) return nothing;
  const end = plan.virtualHosts[virtualHost + 1]?.firstPath ?? plan.paths.length;
  const paths = plan.paths.slice(host.firstPath, end).filter(({ kind }) => kind !== PATH_VALUE);
  const isOpen = paths.some(({ kind, value }) => kind === PATH_REGEX
    || (kind === PATH_PREFIX && value === "") || /[^\0-\x7f]/.test(value));
  if (isOpen) return nothing;
  const lead = paths.reduce((length, { value }) =>
    commonLength(paths[0]?.value ?? "", value, length), paths[0]?.value.length ?? 0);
  const followers = paths.flatMap(({ kind, value }) =>
    (value.length > lead ? [value.charCodeAt(lead)]
      : [...(kind === PATH_PREFIX ? `/${ends}` : ends)].map((end) => end.charCodeAt(0))));
  return [lead, ...wordsOf(followers.map((code) => code & 63))];
}

/** Bits by their numbers, 0 to 63: the lower 32 and the upper. */
export function wordsOf(bits: readonly number[]): readonly [number, number] {
  const word = (first: number): number => bits.reduce((all, bit) =>
    (bit >= first && bit < first + 32 ? (all | (1 << (bit - first))) >>> 0 : all), 0);
  return [word(0), word(32)];
}

/** How many of at most `max` characters two texts have in common at their beginnings. */
function commonLength(a: string, b: string, max: number): number {
  let length = 0;
  while (length < max && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
