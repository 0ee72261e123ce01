// What all paths of a virtual host begin with, by which a request that none of them takes can be
// told from its first bytes. Worked out here, so that whoever asks the core need not ask it.

import { NONE, PATH_PREFIX, PATH_REGEX, PATH_VALUE } from "../../filters/core/format.ts";
import type { Plan } from "./plan.ts";

/** What may follow a path that is no longer than what all begin with; of an exact one no slash. */
const ends = ["?", "#"] as const;

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
  const words: [number, number] = [0, 0];
  const add = (text: string): void => {
    const bit = text.charCodeAt(0) & 63;
    if (bit < 32) words[0] = (words[0] | (1 << bit)) >>> 0;
    else words[1] = (words[1] | (1 << (bit - 32))) >>> 0;
  };
  for (const { kind, value } of paths) {
    if (value.length > lead) add(value.slice(lead));
    else for (const text of kind === PATH_PREFIX ? ["/", ...ends] : ends) add(text);
  }
  return [lead, ...words];
}

/** How many of at most `max` characters two texts have in common at their beginnings. */
function commonLength(a: string, b: string, max: number): number {
  let length = 0;
  while (length < max && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
