// Kubernetes' own kinds, as far as routing reads them: every field that they have is known here, so
// that a misspelt one is found.

import type { JsonSchema } from "../schema.ts";
import {
  anything, count, fields, flag, intOrString, integer, list, mapOf, oneOfValues, port, text,
  withDefault,
} from "./shape.ts";

const protocol = withDefault(oneOfValues("TCP", "UDP", "SCTP"), "TCP");

/** IANA service names: what a port may be called. */
const portName: JsonSchema = {
  type: "string", maxLength: 63, pattern: "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
};

const servicePort = fields(
  { name: portName, protocol, port, targetPort: intOrString, nodePort: count, appProtocol: text },
  ["port"],
);

export const serviceSpec: JsonSchema = fields(
  {
    allocateLoadBalancerNodePorts: flag,
    clusterIP: text,
    clusterIPs: list(text),
    externalIPs: list(text),
    externalName: text,
    externalTrafficPolicy: oneOfValues("Cluster", "Local"),
    healthCheckNodePort: count,
    internalTrafficPolicy: oneOfValues("Cluster", "Local"),
    ipFamilies: list(oneOfValues("IPv4", "IPv6")),
    ipFamilyPolicy: oneOfValues("SingleStack", "PreferDualStack", "RequireDualStack"),
    loadBalancerClass: text,
    loadBalancerIP: text,
    loadBalancerSourceRanges: list(text),
    ports: {
      ...list(servicePort),
      "x-kubernetes-validations": [
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
      ],
    },
    publishNotReadyAddresses: flag,
    selector: mapOf(text),
    sessionAffinity: oneOfValues("None", "ClientIP"),
    sessionAffinityConfig: fields({ clientIP: fields({ timeoutSeconds: integer }) }),
    trafficDistribution: text,
    type: withDefault(
      oneOfValues("ClusterIP", "NodePort", "LoadBalancer", "ExternalName"), "ClusterIP",
    ),
  },
  [],
  [
    {
      rule: "self.type != 'ExternalName' || has(self.externalName) && self.externalName != ''",
      title: "a Service of type `ExternalName` needs an `externalName`",
    },
    {
      rule: "self.type == 'ExternalName' || (has(self.clusterIP) && self.clusterIP == 'None')"
        + " || (has(self.ports) && self.ports.size() > 0)",
      title: "a Service needs `ports`, unless it is headless or an `ExternalName`",
    },
  ],
);

export const namespaceSpec: JsonSchema = fields({ finalizers: list(text) });

const objectReference = fields({
  apiVersion: text, fieldPath: text, kind: text, name: text, namespace: text,
  resourceVersion: text, uid: text,
});

const hint = fields({ name: text }, ["name"]);

const endpoint = fields(
  {
    addresses: { ...list(text), minItems: 1, maxItems: 100 },
    conditions: fields({ ready: flag, serving: flag, terminating: flag }),
    deprecatedTopology: mapOf(text),
    hints: fields({ forZones: list(hint), forNodes: list(hint) }),
    hostname: text,
    nodeName: text,
    targetRef: objectReference,
    zone: text,
  },
  ["addresses"],
);

const addressRules = [
  {
    rule: "self.addressType == 'FQDN' || !has(self.endpoints)"
      + " || self.endpoints.all(e, e.addresses.all(a, isIP(a)))",
    title: "an address is not an IP address, and `addressType` is not `FQDN`",
  },
];

export const endpointSliceFields: JsonSchema = fields(
  {
    addressType: oneOfValues("IPv4", "IPv6", "FQDN"),
    endpoints: { ...withDefault(list(endpoint), []), maxItems: 1000 },
    ports: list(fields({ name: portName, protocol, port, appProtocol: text })),
  },
  ["addressType"],
  addressRules,
);

export const secretFields: JsonSchema = fields({
  data: mapOf({
    type: "string",
    pattern: "^(?:[A-Za-z0-9+/\\r\\n]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?[\\r\\n]*$",
  }),
  immutable: flag,
  stringData: mapOf(text),
  type: text,
});

export const configMapFields: JsonSchema = fields({
  binaryData: mapOf(text), data: mapOf(text), immutable: flag,
});

/** `status` is other controllers' to write: it is kept, and not looked into. */
export const openStatus: JsonSchema = anything;
