// What the manifests ask for and patches of Envoy Gateway's configuration cannot bring.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { Cluster, Ir, Rule, StreamPort } from "../../ir.ts";
import { keyText } from "../../resolve/lookup.ts";

export function envoyGatewayGaps(ir: Ir): readonly Diagnostic[] {
  const rules = new Set(ir.gatewayPorts.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ matches }) => matches.map(({ rule }) => rule))));
  return [
    ...[...rules].flatMap(policyGaps),
    ...ir.clusters.flatMap(clusterGaps),
    ...(ir.streamPorts ?? []).map(withoutStreams),
  ];
}

function policyGaps(rule: Rule): readonly Diagnostic[] {
  const { action, route: { kind, namespace, name }, ruleIndex, origin } = rule;
  if (action.kind !== "forward") return [];
  const { cors, session } = action.policy ?? {};
  const asked = [...(cors ? ["CORS"] : []), ...(session ? ["session persistence"] : [])];
  return asked.map((what) => diagnostic({
    code: "FL0407",
    title: `${what} of a rule cannot be brought into Envoy Gateway`,
    primary: { span: origin, text: "asked for here" },
    resource: `${kind} ${namespace}/${name}`, path: `spec.rules[${ruleIndex}]`,
    effect: "requests of the rule are treated as if it were absent",
    help: "it needs a filter behind ours, which its patches cannot place; apply the route to Envoy"
      + " Gateway itself, or use its own policies",
  }));
}

function clusterGaps({ service, port, subset, tls }: Cluster): readonly Diagnostic[] {
  const resource = `Service ${keyText(service)}`;
  const at = (title: string, effect: string): Diagnostic =>
    diagnostic({ code: "FL0407", title, resource, effect });
  return [
    ...(tls?.client ? [at(
      `the client certificate for port ${port} of \`${service.name}\` has to be put into Envoy`
      + " Gateway's proxies", "they look for it below /etc/fairlead/tls")] : []),
    ...(subset !== undefined ? [at(
      `subset \`${subset}\` of \`${service.name}\` is dialled by the addresses of the input`,
      "endpoints that come later are not dialled there")] : []),
  ];
}

function withoutStreams({ gateway, port, protocol }: StreamPort): Diagnostic {
  return diagnostic({
    code: "FL0407",
    title: `${protocol} connections on port ${port} are Envoy Gateway's own`,
    resource: `Gateway ${keyText(gateway)}`,
    help: "apply their routes to the cluster: they need no filter",
  });
}
