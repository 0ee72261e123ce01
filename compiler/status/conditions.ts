// Conditions as they are printed: with a generation and a time, beside those that other controllers
// wrote.

import type { Condition } from "../resolve/resolved.ts";
import type { Resource } from "../resources.ts";

export interface StatusCondition extends Condition {
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

/** Input status is data of unknown shape: it is whatever another controller wrote. */
export function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Readonly<Record<string, unknown>> : {};
}

export function records(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  return Array.isArray(value) ? value.map(record) : [];
}

/** Every type that we write on some resource: such a condition in the input is our own old one. */
const ours: ReadonlySet<string> = new Set([
  "Accepted", "Programmed", "ResolvedRefs", "Conflicted", "OverlappingTLSConfig",
  "PartiallyInvalid", "InsecureFrontendValidationMode", "SupportedVersion",
]);

const beginning = "1970-01-01T00:00:00Z";

/** `before`: the conditions of the same place in the input. Those of other types are kept. */
export function stamp(
  resource: Resource, conditions: readonly Condition[], before: unknown,
): readonly StatusCondition[] {
  const old = records(before);
  const { generation = 1, creationTimestamp = beginning } = resource.metadata;
  const own = conditions.map(({ type, status, reason, message }): StatusCondition => {
    const same = old.find((c) => c.type === type && c.status === status);
    const time = same?.lastTransitionTime;
    return {
      type, status, reason, message, observedGeneration: generation,
      lastTransitionTime: typeof time === "string" ? time : creationTimestamp,
    };
  });
  const foreign = old.filter((c) => !ours.has(String(c.type)));
  return [...own, ...foreign as unknown as readonly StatusCondition[]];
}
