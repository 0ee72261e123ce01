// Routes of the mesh on targets that are gateways: they belong to the clients' side, which only a
// service mesh has. `fairlead dev` serves them all the same, so that they can be tried.

import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import type { Ir, Rule } from "../ir.ts";

/** The IR as a gateway has it. Indices of gateway ports stay: those of the mesh come last. */
export function gatewaysOnly(ir: Ir): Ir {
  return { ...ir, gatewayPorts: ir.gatewayPorts.filter(({ mesh }) => mesh === undefined) };
}

/** One for each route, however many Services and namespaces it is attached for. */
export function meshGaps({ gatewayPorts }: Ir, target: string): readonly Diagnostic[] {
  const rules = gatewayPorts.filter(({ mesh }) => mesh !== undefined).flatMap((port) =>
    port.virtualHosts.flatMap(({ matches }) => matches.map(({ rule }) => rule)));
  const first = new Map<string, Rule>();
  for (const rule of rules) {
    const { kind, namespace, name } = rule.route;
    const key = `${kind} ${namespace}/${name}`;
    if (kind !== "Service" && !first.has(key)) first.set(key, rule);
  }
  return [...first].map(([resource, { origin }]) => diagnostic({
    code: "FL0407",
    title: `${target} is a gateway, and has no part in requests between workloads`,
    primary: { span: origin, text: "a route with a Service for a parent" },
    resource,
    effect: "its rules are not carried out there for that parent",
    help: "build it with `--target istio`, whose sidecars carry it out",
  }));
}
