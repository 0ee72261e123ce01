// Who runs a Gateway: its class says so.

import { diagnostic, type Diagnostic } from "../diagnostic.ts";
import { keyText } from "../resolve/lookup.ts";
import type { Resolved, ResolvedGateway } from "../resolve/resolved.ts";
import type { GatewayClassSpec } from "../resources.ts";

/** What a target attaches the filter to. */
export interface Runner {
  readonly name: string;
  readonly controller: string;
  /** The class's usual name, for input that does not hold the class. */
  readonly className: string;
}

export const istio: Runner = {
  name: "Istio", controller: "istio.io/gateway-controller", className: "istio",
};

export const envoyGateway: Runner = {
  name: "Envoy Gateway", controller: "gateway.envoyproxy.io/gatewayclass-controller",
  className: "eg",
};

/** Absent: the class is not in the input. */
export function classOf(
  gateway: ResolvedGateway, { gatewayClasses }: Resolved,
): GatewayClassSpec | undefined {
  const { gatewayClassName } = gateway.resource.spec;
  return gatewayClasses.find(({ resource }) => resource.metadata.name === gatewayClassName)
    ?.resource.spec;
}

export function isRunBy(
  { controller, className }: Runner, gateway: ResolvedGateway, resolved: Resolved,
): boolean {
  const known = classOf(gateway, resolved)?.controllerName;
  return known === undefined
    ? gateway.resource.spec.gatewayClassName === className : known === controller;
}

export function foreignClass(
  { name, controller, className }: Runner, gateway: ResolvedGateway, resolved: Resolved,
): Diagnostic {
  const { resource } = gateway;
  const known = classOf(gateway, resolved)?.controllerName;
  return diagnostic({
    code: "FL0415",
    title: `Gateway \`${resource.metadata.name}\` is of class`
      + ` \`${resource.spec.gatewayClassName}\`, which `
      + (known === undefined ? "is not in the input" : `\`${known}\` runs`),
    primary: { span: resource.manifest.at(["spec", "gatewayClassName"]) },
    resource: `Gateway ${keyText(resource.metadata)}`, path: "spec.gatewayClassName",
    effect: `where ${name} does not run the Gateway there are no pods for the filter`,
    help: `${name}'s own class is usually \`${className}\`; another needs a GatewayClass whose`
      + ` controllerName is \`${controller}\``,
  });
}
