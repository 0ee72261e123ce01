// What the manifests ask for and the edge platform cannot do: nobody should learn it from traffic.

import { tlsObstacle } from "../../../runtime/edge/config.ts";
import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { Cluster, Ir, Rule, StreamPort } from "../../ir.ts";
import { policyGaps } from "./policy.ts";

export function platformGaps(ir: Ir): readonly Diagnostic[] {
  return [
    ...ir.clusters.flatMap((cluster) => {
      const obstacle = tlsObstacle(cluster);
      return obstacle === undefined ? [] : [withoutTls(cluster, obstacle)];
    }),
    ...policyGaps(ir.clusters),
    ...grpcRules(ir).map(withoutTrailers),
    ...(ir.streamPorts ?? []).map(withoutStreams),
  ];
}

/** Each once, however many hostnames and matches lead to it. */
function grpcRules({ gatewayPorts }: Ir): readonly Rule[] {
  const rules = gatewayPorts.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ matches }) => matches.map(({ rule }) => rule)));
  return [...new Set(rules)].filter(({ route }) => route.kind === "GRPCRoute");
}

function withoutTls({ service, port, policyOrigins }: Cluster, obstacle: string): Diagnostic {
  const origin = policyOrigins?.tls;
  return diagnostic({
    code: "FL0407",
    title: `the edge platform cannot secure connections to port ${port} of \`${service.name}\``
      + ` as ${origin?.resource ?? "its policy"} asks: ${obstacle}`,
    ...(origin && { primary: { span: origin.span, text: "not carried out there" } }),
    resource: origin?.resource ?? `Service ${service.namespace}/${service.name}`,
    ...(origin && { path: origin.path }),
    effect: "requests for it get a 502 there; nothing is sent in plain text",
    help: "serve it with Envoy, or give it a publicly trusted certificate for the name it is"
      + " dialled by (an ExternalName Service)",
  });
}

function withoutTrailers({ route, ruleIndex, origin }: Rule): Diagnostic {
  return diagnostic({
    code: "FL0407",
    title: "the edge platform cannot carry gRPC: it drops the trailers that hold a call's status",
    primary: { span: origin, text: "calls of this rule" },
    resource: `GRPCRoute ${route.namespace}/${route.name}`,
    path: `spec.rules[${ruleIndex}]`,
    effect: "they are refused there with grpc-status 12 (unimplemented)",
    help: "serve GRPCRoutes with Envoy",
  });
}

function withoutStreams({ gateway, port, protocol }: StreamPort): Diagnostic {
  return diagnostic({
    code: "FL0407",
    title: `the edge platform takes no ${protocol} connections: port ${port} is not served there`,
    resource: `Gateway ${gateway.namespace}/${gateway.name}`,
    help: "serve it with Envoy",
  });
}
