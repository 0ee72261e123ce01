// A Service, as far as routing reads it: every field that it has is known here, so that a misspelt
// one is found, and what the API server checks by code is asked by rules.

import type { CelRule, JsonSchema } from "../schema.ts";
import { labels } from "./metadata.ts";
import {
  appProtocol, count, fields, flag, int32, intOrString, ipAddress, list, oneOfValues,
  oneOfValuesOrEmpty, port, portName, protocol, qualifiedPattern, subdomainPattern, text,
  withDefault,
} from "./shape.ts";

/** A port's number, or its IANA name: at most 15 characters, one of them a letter. */
const targetPort: JsonSchema = {
  ...intOrString, minimum: 0, maximum: 65535,
  pattern: "^$|^(?=[-0-9]*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]{0,13}[a-z0-9])?$",
};

const servicePort = fields(
  { name: portName, protocol, port, targetPort, nodePort: count, appProtocol }, ["port"],
);

const portRules: readonly CelRule[] = [
  {
    rule: "self.size() <= 1 || self.all(p, has(p.name) && p.name != '')",
    title: "each port of a Service with several ports needs a `name`",
  },
  {
    rule: "self.all(a, self.exists_one(b, a.port == b.port && a.protocol == b.protocol))",
    title: "two ports have the same `port` and `protocol`",
  },
  {
    rule: "self.all(a, !has(a.name) || self.exists_one(b, has(b.name) && a.name == b.name))",
    title: "two ports have the same `name`",
  },
  {
    rule: "self.all(a, !has(a.nodePort) || a.nodePort == 0 || self.exists_one(b,"
      + " has(b.nodePort) && a.nodePort == b.nodePort && a.protocol == b.protocol))",
    title: "two ports have the same `nodePort` and `protocol`",
  },
];

/** Addresses that mean another machine on each machine. */
const localAddress =
  "'^(127[.]|0[.]0[.]0[.]0$|169[.]254[.]|224[.]0[.]0[.]|::1?$|fe[89ab].:|ff02:)'";

/** The length of a range of either family; the address before it is asked for by `isIP`. */
const rangeLength = "^[^:]+/([0-9]|[12][0-9]|3[0-2])$|:.*/([0-9]|[1-9][0-9]|1[01][0-9]|12[0-8])$";

const headless = "(has(self.clusterIP) && self.clusterIP == 'None')";
const onNodes = "self.type in ['NodePort', 'LoadBalancer']";
const forBalancers = (field: string): CelRule => ({
  rule: `self.type == 'LoadBalancer' || !has(self.${field})`,
  title: `\`${field}\` needs the type \`LoadBalancer\``, at: [field],
});

const addressRules: readonly CelRule[] = [
  {
    rule: `${headless} ? self.type in ['ClusterIP', 'ExternalName'] : true`,
    title: "a headless Service has the type `ClusterIP`", at: ["clusterIP"],
  },
  {
    rule: "self.type != 'ExternalName' || ((!has(self.clusterIP) || self.clusterIP == '')"
      + " && (!has(self.clusterIPs) || self.clusterIPs.size() == 0))",
    title: "a Service of type `ExternalName` has no `clusterIP`",
  },
  {
    rule: "!has(self.clusterIPs) || self.clusterIPs.size() == 0"
      + " || (has(self.clusterIP) && self.clusterIP == self.clusterIPs[0])",
    title: "the first of `clusterIPs` is not `clusterIP`", at: ["clusterIPs"],
  },
  {
    rule: "!has(self.clusterIPs) || self.clusterIPs.size() < 2"
      + " || self.clusterIPs.all(a, a != 'None')",
    title: "a headless Service has one entry in `clusterIPs`", at: ["clusterIPs"],
  },
  {
    rule: `!has(self.externalIPs) || self.externalIPs.all(a, !a.matches(${localAddress}))`,
    title: "an address of one machine cannot be an external one", at: ["externalIPs"],
  },
  {
    rule: "!has(self.loadBalancerSourceRanges) || self.loadBalancerSourceRanges.all(r,"
      + ` r.trim().matches('${rangeLength}') && isIP(r.trim().split('/')[0]))`,
    title: "an entry is not a range such as `10.0.0.0/8`", at: ["loadBalancerSourceRanges"],
  },
];

const typeRules: readonly CelRule[] = [
  {
    rule: "self.type != 'ExternalName' || has(self.externalName) && self.externalName != ''",
    title: "a Service of type `ExternalName` needs an `externalName`",
  },
  {
    rule: "self.type != 'ExternalName' || !has(self.externalName) || self.externalName == ''"
      + ` || self.externalName.matches('${subdomainPattern.replace("$", "[.]?$")
        .replaceAll("\\", "\\\\")}')`,
    title: "`externalName` is not a hostname in lower case", at: ["externalName"],
  },
  {
    rule: `self.type == 'ExternalName' || ${headless}`
      + " || (has(self.ports) && self.ports.size() > 0)",
    title: "a Service needs `ports`, unless it is headless or an `ExternalName`",
  },
  {
    rule: `${onNodes} || !has(self.ports)`
      + " || self.ports.all(p, !has(p.nodePort) || p.nodePort == 0)",
    title: "a `nodePort` needs the type `NodePort` or `LoadBalancer`", at: ["ports"],
  },
  {
    rule: `${onNodes} || !has(self.externalTrafficPolicy)`
      + " || (self.type == 'ClusterIP' && has(self.externalIPs) && self.externalIPs.size() > 0)",
    title: "`externalTrafficPolicy` needs a Service that is reached from outside",
    at: ["externalTrafficPolicy"],
  },
  {
    rule: "!has(self.healthCheckNodePort) || self.healthCheckNodePort == 0"
      + " || (self.type == 'LoadBalancer' && has(self.externalTrafficPolicy)"
      + " && self.externalTrafficPolicy == 'Local')",
    title: "`healthCheckNodePort` needs the type `LoadBalancer` and a `Local` policy",
    at: ["healthCheckNodePort"],
  },
  {
    rule: "self.type == 'LoadBalancer' || !has(self.loadBalancerSourceRanges)"
      + " || self.loadBalancerSourceRanges.size() == 0",
    title: "`loadBalancerSourceRanges` needs the type `LoadBalancer`",
    at: ["loadBalancerSourceRanges"],
  },
  {
    rule: "!has(self.sessionAffinity) || self.sessionAffinity != 'ClientIP'"
      + " || !has(self.sessionAffinityConfig) || !has(self.sessionAffinityConfig.clientIP)"
      + " || !has(self.sessionAffinityConfig.clientIP.timeoutSeconds)"
      + " || (self.sessionAffinityConfig.clientIP.timeoutSeconds >= 1"
      + " && self.sessionAffinityConfig.clientIP.timeoutSeconds <= 86400)",
    title: "`timeoutSeconds` has to be from 1 to 86400 (a day)",
    at: ["sessionAffinityConfig", "clientIP", "timeoutSeconds"],
  },
  forBalancers("loadBalancerClass"),
  forBalancers("allocateLoadBalancerNodePorts"),
];

const addressOrNone: JsonSchema = {
  type: "string", anyOf: [{ enum: ["", "None"] }, ...ipAddress.anyOf ?? []],
};

export const serviceSpec: JsonSchema = fields(
  {
    allocateLoadBalancerNodePorts: flag,
    clusterIP: addressOrNone,
    clusterIPs: { ...list(addressOrNone), maxItems: 2 },
    externalIPs: list(ipAddress),
    externalName: text,
    externalTrafficPolicy: oneOfValuesOrEmpty("Cluster", "Local"),
    healthCheckNodePort: count,
    internalTrafficPolicy: oneOfValues("Cluster", "Local"),
    ipFamilies: {
      ...list(oneOfValues("IPv4", "IPv6")), maxItems: 2, "x-kubernetes-list-type": "set",
    },
    ipFamilyPolicy: oneOfValues("SingleStack", "PreferDualStack", "RequireDualStack"),
    loadBalancerClass: { type: "string", pattern: qualifiedPattern },
    loadBalancerIP: text,
    loadBalancerSourceRanges: list(text),
    ports: { ...list(servicePort), "x-kubernetes-validations": portRules },
    publishNotReadyAddresses: flag,
    selector: labels,
    sessionAffinity: oneOfValuesOrEmpty("None", "ClientIP"),
    sessionAffinityConfig: fields({ clientIP: fields({ timeoutSeconds: int32 }) }),
    trafficDistribution: {
      type: "string", enum: ["PreferClose", "PreferSameZone", "PreferSameNode"],
    },
    type: withDefault(
      oneOfValuesOrEmpty("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "ClusterIP",
    ),
  },
  [],
  [...typeRules, ...addressRules],
);
