// One request at the edge: ask the core, carry out the verdict.

import {
  VERDICT_FORWARD, VERDICT_LEAVE, VERDICT_NO_MATCH, VERDICT_REDIRECT, VERDICT_RESPOND,
} from "../../filters/core/format.ts";
import { answer } from "./answer.ts";
import type { RequestParts } from "./core.ts";
import type { Engine } from "./engine.ts";
import { forward, type Context } from "./forward.ts";
import { normalTarget } from "./path.ts";

export type { Context } from "./forward.ts";

/** Answers at once where it can: a promise more is a turn of the event loop more. */
export function serve(
  engine: Engine,
  gatewayPort: number,
  request: Request,
  context: Context,
): Response | Promise<Response> {
  const parts = partsOf(gatewayPort, request);
  if (parts === undefined) return new Response(null, { status: 400 });
  const verdict = engine.core.decide(parts);
  switch (verdict.kind) {
    case VERDICT_FORWARD:
      return forward(engine, verdict, parts, request, context);
    case VERDICT_REDIRECT:
      return answer(request, verdict.status, "", { location: verdict.text ?? "" });
    // Tables that leave requests to their host are for Istio: here nobody else takes them.
    case VERDICT_LEAVE:
    case VERDICT_NO_MATCH:
    case VERDICT_RESPOND:
      return answer(request, verdict.status);
    default:
      throw new Error(`the core gave a verdict of unknown kind ${verdict.kind}`);
  }
}

/**
 * Slices the URL that the runtime made of Host and request line, with the host as the client wrote
 * it: building a `URL` would cost more. `headers` are not touched where no header decides, because
 * the object that the runtime makes of them costs as much as all of routing.
 */
function partsOf(gatewayPort: number, request: Request): RequestParts | undefined {
  const { url, method } = request;
  const start = url.indexOf("//") + 2;
  const slash = url.indexOf("/", start);
  const target = slash < 0 ? "/" : normalTarget(url.slice(slash));
  if (target === undefined) return undefined;
  return {
    gatewayPort,
    authority: url.slice(start, slash < 0 ? undefined : slash),
    target,
    method,
    header: (name) => request.headers.get(name),
  };
}
