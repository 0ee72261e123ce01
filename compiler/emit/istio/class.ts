// Whether Istio runs a Gateway: its class says so.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import { keyText } from "../../resolve/lookup.ts";
import type { Resolved, ResolvedGateway } from "../../resolve/resolved.ts";

const istioController = "istio.io/gateway-controller";

/** The class's controller; absent: the class is not in the input. */
function controllerOf(gateway: ResolvedGateway, { gatewayClasses }: Resolved): string | undefined {
  const { gatewayClassName } = gateway.resource.spec;
  return gatewayClasses.find(({ resource }) => resource.metadata.name === gatewayClassName)
    ?.resource.spec.controllerName;
}

export function isIstios(gateway: ResolvedGateway, resolved: Resolved): boolean {
  const controller = controllerOf(gateway, resolved);
  return controller === undefined
    ? gateway.resource.spec.gatewayClassName === "istio" : controller === istioController;
}

export function foreignClass(gateway: ResolvedGateway, resolved: Resolved): Diagnostic {
  const { resource } = gateway;
  const controller = controllerOf(gateway, resolved);
  return diagnostic({
    code: "FL0415",
    title: `Gateway \`${resource.metadata.name}\` is of class`
      + ` \`${resource.spec.gatewayClassName}\`, which `
      + (controller === undefined ? "is not in the input" : `\`${controller}\` runs`),
    primary: { span: resource.manifest.at(["spec", "gatewayClassName"]) },
    resource: `Gateway ${keyText(resource.metadata)}`, path: "spec.gatewayClassName",
    effect: "where Istio does not run the Gateway there are no pods for the filter",
    help: `Istio's own class is \`istio\`; another needs a GatewayClass whose controllerName is`
      + ` \`${istioController}\``,
  });
}
