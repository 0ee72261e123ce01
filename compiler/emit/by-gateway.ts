// What belongs to one Gateway, out of what belongs to several.

import { keyText } from "../resolve/lookup.ts";
import type { ObjectKey } from "../resources.ts";

/** Each group has at least one; groups are in the order in which their Gateways come first. */
export function byGateway<Port extends { readonly gateway: ObjectKey }>(
  ports: readonly Port[],
): readonly (readonly [Port, ...Port[]])[] {
  const groups = new Map<string, [Port, ...Port[]]>();
  for (const port of ports) {
    const key = keyText(port.gateway);
    const group = groups.get(key);
    if (group) group.push(port);
    else groups.set(key, [port]);
  }
  return [...groups.values()];
}
