// Where a Gateway of Istio's runs: which pods, and on which of their ports. A listener's port is
// its Service's; Envoy in the pod listens on the Service's targetPort, and that is what a plugin's
// match compares. Nothing here is guessed: a port that Istio would not find is reported.

import type { Diagnostic } from "../../diagnostic.ts";
import type { ValuePath } from "../../manifest.ts";
import { keyText } from "../../resolve/lookup.ts";
import { newReport, type Facts, type Report } from "../../resolve/report.ts";
import type { Resolved, ResolvedGateway } from "../../resolve/resolved.ts";
import type {
  GatewaySpec, Inventory, ObjectKey, Resource, ServiceSpec,
} from "../../resources.ts";
import { isRunBy, istio } from "../gateway-class.ts";

export interface Pods {
  /** Of the pods; resources that select them by labels have to be there. */
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Istio made the pods for the Gateway, so that resources may name it instead of labels. */
  readonly ownPods: boolean;
  /** The pods' port for a listener's. */
  readonly podPort: (port: number) => number | undefined;
}

const nameOverride = "gateway.istio.io/name-override";
const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name";

export interface FoundPods {
  /** By `namespace/name` of the Gateway; without those that were reported. */
  readonly pods: ReadonlyMap<string, Pods>;
  readonly diagnostics: readonly Diagnostic[];
}

/** Where Istio does not run a Gateway nothing is reported: whoever does may need no Service. */
export function gatewayPods(resolved: Resolved): FoundPods {
  const { gateways, inventory } = resolved;
  const report = newReport();
  const services = new Map(inventory.services.map((s) => [keyText(s.metadata), s]));
  const pods = new Map<string, Pods>();
  for (const gateway of gateways) {
    if (!gateway.accepted) continue;
    const own = isRunBy(istio, gateway, resolved) ? report : newReport();
    const found = podsOf(gateway, { services, inventory, report: own });
    if (found) pods.set(keyText(gateway.resource.metadata), found);
  }
  return { pods, diagnostics: report.diagnostics };
}

interface Sources {
  readonly services: ReadonlyMap<string, Resource<ServiceSpec>>;
  readonly inventory: Inventory;
  readonly report: Report;
}

function podsOf(gateway: ResolvedGateway, sources: Sources): Pods | undefined {
  const { resource } = gateway;
  const { namespace, name } = resource.metadata;
  const addresses = resource.spec.addresses ?? [];
  const [address, second] = addresses;
  // Istio makes pods and Service itself unless the Gateway names a Service to run on.
  if (!address || (!second && address.type === "IPAddress")) {
    const labels = { [gatewayNameLabel]: name };
    const podPort = ownPorts(gateway, sources);
    return podPort && { namespace, labels, ownPods: true, podPort };
  }
  const hostname = addresses.findIndex((a) => a.type === "Hostname");
  const key = hostname < 0 ? undefined
    : serviceNamed(addresses[hostname]?.value ?? "", namespace);
  const service = key && sources.services.get(keyText(key));
  if (!service || addresses.filter((a) => a.type === "Hostname").length > 1) {
    unknown(resource, ["spec", "addresses"], sources.report,
      `the pods of Gateway \`${name}\` are not known: `
      + (key ? `no Service \`${key.name}\` in namespace \`${key.namespace}\``
        : "its addresses do not name one Service"));
    return undefined;
  }
  if (service.metadata.namespace !== namespace) {
    unknown(resource, ["spec", "addresses", hostname, "value"], sources.report,
      `Istio runs a Gateway only on a Service of its own namespace, which is \`${namespace}\` and`
      + ` not \`${service.metadata.namespace}\``);
    return undefined;
  }
  const { selector } = service.spec;
  if (!selector || Object.keys(selector).length === 0) {
    unknown(service, ["spec"], sources.report,
      `the pods of Gateway \`${name}\` are not known: its Service has no selector`);
    return undefined;
  }
  const podPort = servicePorts(gateway, service, sources);
  return podPort && { namespace, labels: selector, ownPods: false, podPort };
}

/** `ingress`, `ingress.istio-system`, or with `.svc` and the cluster's domain after it. */
function serviceNamed(value: string, namespace: string): ObjectKey | undefined {
  const [name = "", own, svc] = value.split(".");
  if (name === "" || (svc !== undefined && svc !== "svc")) return undefined;
  return { namespace: own ?? namespace, name };
}

function ownPorts(gateway: ResolvedGateway, sources: Sources): Pods["podPort"] | undefined {
  const { resource } = gateway;
  const { namespace, annotations } = resource.metadata;
  const name = annotations?.[nameOverride]
    ?? `${resource.metadata.name}-${resource.spec.gatewayClassName}`;
  const service = sources.services.get(keyText({ namespace, name }));
  if (service) return servicePorts(gateway, service, sources);
  if (resource.spec.infrastructure?.parametersRef) {
    unknown(resource, ["spec", "infrastructure", "parametersRef"], sources.report,
      `the ports of Gateway \`${resource.metadata.name}\`'s pods are not known: its parameters may`
      + ` change its Service \`${name}\`, which is not in the input`);
    return undefined;
  }
  // Istio's own template gives the Service the listeners' ports and no targetPort.
  return (port) => port;
}

function servicePorts(
  gateway: ResolvedGateway, service: Resource<ServiceSpec>, { inventory, report }: Sources,
): Pods["podPort"] | undefined {
  const listeners = gateway.allListeners.filter((l) => l.programmed
    && (l.spec.protocol === "HTTP" || l.spec.protocol === "HTTPS"));
  const found = new Map<number, number>();
  for (const { owner, index, spec: { port } } of listeners) {
    const podPort = podPortOf(service, port, inventory);
    if (typeof podPort === "number") found.set(port, podPort);
    else unknown(owner, ["spec", "listeners", index, "port"], report, podPort);
  }
  return listeners.length > 0 && found.size === 0 ? undefined : (port) => found.get(port);
}

/** The pods' port, or why it is not known. */
function podPortOf(
  service: Resource<ServiceSpec>, port: number, inventory: Inventory,
): number | string {
  const { namespace, name } = service.metadata;
  const index = (service.spec.ports ?? []).findIndex((p) => p.port === port
    && p.protocol === "TCP");
  const own = service.spec.ports?.[index];
  if (!own) return `Service \`${name}\` has no port ${port}, so that Istio does not listen there`;
  if (typeof own.targetPort !== "string") return own.targetPort ?? port;
  const slice = inventory.endpointSlices.find((s) => s.metadata.namespace === namespace
    && s.metadata.labels?.["kubernetes.io/service-name"] === name);
  return slice?.spec.ports?.find((p) => (p.name ?? "") === (own.name ?? ""))?.port
    ?? `port ${port} of Service \`${name}\` leads to a port named \`${own.targetPort}\`, whose`
      + " number is not known";
}

function unknown(
  resource: Resource<unknown> | Resource<GatewaySpec>, path: ValuePath, report: Report,
  title: string,
): void {
  const facts: Facts = {
    code: "FL0413", title,
    effect: "Istio would ignore a plugin for a port that its pods do not listen on",
    help: "add the Gateway's Service to the input as the cluster has it, and where its targetPort"
      + " is a name an EndpointSlice",
  };
  report.say(resource, path, facts);
}
