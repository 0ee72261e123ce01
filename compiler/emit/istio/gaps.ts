// What the manifests ask for and Istio does otherwise, or not at all. Nobody should learn it from
// traffic.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { Cluster, Ir, Rule } from "../../ir.ts";
import { keyText } from "../../resolve/lookup.ts";
import type { Resolved } from "../../resolve/resolved.ts";
import type { ServicePort } from "../../resources.ts";

export function istioGaps(resolved: Resolved, ir: Ir): readonly Diagnostic[] {
  const services = new Map(resolved.inventory.services.map((s) => [keyText(s.metadata), s]));
  return [
    ...ir.clusters.flatMap((cluster) => {
      const service = services.get(keyText(cluster.service));
      const port = service?.spec.ports?.find((p) => p.port === cluster.port);
      return clusterGaps(cluster, port, service?.spec.type === "ExternalName");
    }),
    ...rulesOf(ir).flatMap(sessionGap),
    ...(ir.streamPorts ?? []).filter(({ protocol }) => protocol === "UDP").map(withoutUdp),
  ];
}

/** What Istio takes for HTTP/2 without TLS; it looks at the application protocol, then the name. */
function isHttp2({ appProtocol, name }: ServicePort): boolean {
  const told = appProtocol === "kubernetes.io/h2c" ? "http2" : appProtocol ?? name ?? "";
  return /^(http2|grpc)$/i.test(told.split("-", 1)[0] ?? "") || /^grpc-web/i.test(told);
}

function clusterGaps(
  cluster: Cluster, port: ServicePort | undefined, isExternalName: boolean,
): readonly Diagnostic[] {
  const { service, tls } = cluster;
  const at = (title: string, effect: string, help: string): Diagnostic => diagnostic({
    code: "FL0416", title, effect, help, resource: `Service ${keyText(service)}`,
  });
  if (isExternalName) {
    return [at(`Istio makes no cluster for the ExternalName Service \`${service.name}\``,
      "requests for it get a 503 there",
      "give Istio a ServiceEntry for the name, and a Service with endpoints or the entry itself as"
      + " the backend")];
  }
  return [
    ...(cluster.protocol === "h2c" && port && !isHttp2(port)
      ? [at(`Istio speaks HTTP/1.1 to port ${cluster.port} of \`${service.name}\`, where a route`
        + " asks for HTTP/2", "gRPC calls fail there",
      "set the Service port's `appProtocol: kubernetes.io/h2c`")]
      : []),
    ...(tls?.client
      ? [at(`Istio shows no client certificate of the Gateway's to \`${service.name}\``,
        "a backend that asks for one refuses the connection",
        "use a DestinationRule with `tls.credentialName` in the cluster")]
      : []),
  ];
}

/** Each once, however many hostnames and matches lead to it. */
function rulesOf({ gatewayPorts }: Ir): readonly Rule[] {
  return [...new Set(gatewayPorts.flatMap(({ virtualHosts }) =>
    virtualHosts.flatMap(({ matches }) => matches.map(({ rule }) => rule))))];
}

function ofRule({ route, ruleIndex, origin }: Rule): Pick<
  Diagnostic, "primary" | "resource" | "path"> {
  return {
    primary: { span: origin }, resource: `${route.kind} ${keyText(route)}`,
    path: `spec.rules[${ruleIndex}]`,
  };
}

function sessionGap(rule: Rule): readonly Diagnostic[] {
  const { action } = rule;
  const session = action.kind === "forward" ? action.policy?.session : undefined;
  if ((session?.split?.length ?? 0) < 2) return [];
  return [diagnostic({
    code: "FL0407", ...ofRule(rule),
    title: "Istio has one cluster a Service, so that a session cannot span the backends of a split",
    effect: "the split is decided first, and the session holds only within the backend it picks",
    help: "pin the split as well, with the annotation `fairlead.dev/pin` on the route",
  })];
}

function withoutUdp({ gateway, port }: NonNullable<Ir["streamPorts"]>[number]): Diagnostic {
  return diagnostic({
    code: "FL0407",
    title: `Istio takes no UDP: port ${port} is not served there`,
    resource: `Gateway ${keyText(gateway)}`,
    help: "serve it with Envoy",
  });
}
