// The runner without bytes: the reference matcher over ranked IR. It sees which match takes a
// request; what becomes of the request then, it can only read from the IR.

import type { Cluster, Forward, Ir } from "../../compiler/ir.ts";
import { findMatch, findVirtualHost, type ReferenceRequest } from "../../compiler/reference.ts";
import type { Compilation } from "../../compiler/compile.ts";
import { isSplit, type Observation } from "./judge.ts";
import type { Exchange, Request, Scenario, Split } from "./scenario.ts";
import { gatewayPortOf } from "./world.ts";

export function referenceRequest(request: Request): ReferenceRequest {
  return {
    ...(request.host === undefined ? {} : { authority: request.host }),
    target: request.target, method: request.method ?? "GET",
    // HTTP's parsers take the white space around a value away (RFC 9110, section 5.5).
    headers: (request.headers ?? []).map(([name, value]) => [name, value.trim()]),
  };
}

/** What a request comes to that was sent to this cluster. */
export function answerOf(cluster: Cluster | undefined): Observation {
  if (cluster === undefined) return { status: 500 };
  const { endpoints, service } = cluster;
  const isIdle = endpoints.kind === "static" && endpoints.addresses.length === 0;
  return isIdle ? { status: 503 } : { status: 200, backend: service.name };
}

/** `times` answers in the proportion of the weights. */
function shareOut(ir: Ir, { backends }: Forward, times: number): readonly Observation[] {
  const total = backends.reduce((sum, b) => sum + b.weight, 0);
  if (total === 0) return Array.from({ length: times }, () => ({ status: 500 }));
  return backends.flatMap(({ cluster, weight }) => {
    const answer = answerOf(cluster === undefined ? undefined : ir.clusters[cluster]);
    return Array.from({ length: times * weight / total }, () => answer);
  });
}

export function askReference(
  compilation: Compilation, scenario: Scenario, request: Exchange | Split,
): readonly Observation[] {
  const { ir } = compilation;
  const port = ir.gatewayPorts[gatewayPortOf(compilation, scenario, request)];
  const times = isSplit(request) ? request.times : 1;
  const asked = referenceRequest(request);
  const host = port && findVirtualHost(port, asked.authority);
  const action = host && findMatch(host, asked)?.rule.action;
  if (action === undefined) return Array.from({ length: times }, () => ({ status: 404 }));
  if (action.kind === "redirect") {
    return Array.from({ length: times }, () => ({ status: action.statusCode }));
  }
  return shareOut(ir, action, times);
}
