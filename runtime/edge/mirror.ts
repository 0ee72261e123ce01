// RequestMirror: copies of requests whose answers nobody sees. A copy is sent once the whole
// request is known, as in Envoy, from its own place in the background: it neither delays nor fails
// the request, and lives as long as the platform lets work go on after an answer.

import type { Mirror, RoutePolicy } from "../../compiler/ir.ts";
import { attempt } from "./attempt.ts";
import type { SharedBody } from "./connection/body.ts";
import type { Outgoing } from "./connection/dial.ts";
import type { Engine } from "./engine.ts";

/**
 * The mirrors whose turn it is. Of any `denominator` requests in a row exactly `numerator` are
 * copied.
 */
export function mirrorsDue(engine: Engine, index: number): readonly Mirror[] {
  const policy = engine.config.routePolicies[index];
  const turns = engine.mirrorTurns[index];
  if (policy === undefined || turns === undefined) return [];
  return policy.mirrors.filter(({ numerator, denominator }, i) => {
    const turn = (turns[i] ?? 0) + numerator;
    turns[i] = turn >= denominator ? turn - denominator : turn;
    return turn >= denominator;
  });
}

/** Resolves when all is over. Never rejects. */
export async function mirror(
  engine: Engine,
  mirrors: readonly Mirror[],
  policy: RoutePolicy,
  outgoing: Outgoing,
  body: SharedBody | undefined,
): Promise<void> {
  const bytes = await body?.whole();
  if (body !== undefined && bytes === undefined) return;
  await Promise.all(mirrors.map(async ({ cluster }) => {
    const live = engine.clusters[cluster];
    if (live === undefined) return;
    const limit = policy.requestTimeoutMs ?? 0;
    const signal = limit > 0 ? AbortSignal.timeout(limit) : undefined;
    const copy: Outgoing = { ...outgoing, ...bodyOf(bytes) };
    const outcome = await attempt(live, {}, copy, signal).catch(() => undefined);
    if (outcome?.kind !== "answer") return;
    // Read to its end, so that the backend can finish.
    await outcome.response.body?.pipeTo(new WritableStream()).catch(() => undefined);
    await outcome.done;
  }));
}

function bodyOf(bytes: Uint8Array | undefined): Pick<Outgoing, "body" | "isCopied"> {
  if (bytes === undefined) return { body: null };
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
  });
  return { body, isCopied: true };
}
