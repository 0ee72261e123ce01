// Kubernetes' other own kinds, as far as routing reads them: every field that they have is known
// here, so that a misspelt one is found.

import type { CelRule, JsonSchema } from "../schema.ts";
import {
  anything, appProtocol, base64Pattern, fields, finalizerPattern, flag, int32, labelPattern, list,
  mapOfText, oneOfValues, portName, subdomainPattern, text, withDefault,
} from "./shape.ts";

export const namespaceSpec: JsonSchema = fields({
  finalizers: list({ type: "string", pattern: finalizerPattern }),
});

const objectReference = fields({
  apiVersion: text, fieldPath: text, kind: text, name: text, namespace: text,
  resourceVersion: text, uid: text,
});

function hints(name: JsonSchema, required: readonly string[]): JsonSchema {
  return {
    ...list(fields({ name }, required)), maxItems: 8,
    "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
  };
}

const nodeName: JsonSchema = {
  type: "string", minLength: 1, maxLength: 253, pattern: subdomainPattern,
};

const endpoint = fields(
  {
    addresses: { ...list(text), minItems: 1, maxItems: 100 },
    conditions: fields({ ready: flag, serving: flag, terminating: flag }),
    deprecatedTopology: mapOfText(),
    hints: fields({
      forZones: hints(withDefault(text, ""), []), forNodes: hints(nodeName, ["name"]),
    }),
    hostname: { type: "string", maxLength: 63, pattern: labelPattern },
    nodeName,
    targetRef: objectReference,
    zone: text,
  },
  ["addresses"],
);

function addressRule(type: string, test: string, title: string): CelRule {
  return {
    rule: `self.addressType != '${type}' || !has(self.endpoints)`
      + ` || self.endpoints.all(e, e.addresses.all(a, ${test}))`,
    title, at: ["endpoints"],
  };
}

const addressRules: readonly CelRule[] = [
  addressRule("IPv4", "isIP(a) && !a.contains(':')",
    "an address is not an IPv4 address, as `addressType` says"),
  addressRule("IPv6", "isIP(a) && a.contains(':')",
    "an address is not an IPv6 address, as `addressType` says"),
  addressRule("FQDN",
    "a.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)+$')",
    "an address is not a full hostname, as `addressType` says"),
];

/** Loopback is left alone: a file may well describe what runs beside its proxy. */
const linkLocal: CelRule = {
  rule: "self.addressType == 'FQDN' || !has(self.endpoints) || self.endpoints.all(e,"
    + " e.addresses.all(a, !a.matches('^(0[.]0[.]0[.]0$|169[.]254[.]|224[.]0[.]0[.]"
    + "|::$|fe[89ab].:|ff02:)')))",
  title: "an address is unspecified or link-local: it names no one endpoint", at: ["endpoints"],
};

const portFields = fields({
  name: portName, port: int32, appProtocol,
  protocol: withDefault(oneOfValues("TCP", "UDP", "SCTP"), "TCP"),
});

export const endpointSliceFields: JsonSchema = fields(
  {
    addressType: oneOfValues("IPv4", "IPv6", "FQDN"),
    endpoints: { ...withDefault(list(endpoint), []), maxItems: 1000 },
    ports: {
      ...list(portFields),
      "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
    },
  },
  ["addressType"],
  [...addressRules, linkLocal],
);

const keyRules: readonly CelRule[] = [
  {
    rule: "self.all(key, key.matches('^[-._a-zA-Z0-9]{1,253}$') && key != '.'"
      + " && !key.startsWith('..'))",
    title: "a key is not a file's name: letters, digits, `-`, `_` and `.`",
  },
];

const textData: JsonSchema = { ...mapOfText(), "x-kubernetes-validations": keyRules };
const binaryData: JsonSchema = {
  ...mapOfText({ pattern: base64Pattern }), "x-kubernetes-validations": keyRules,
};

function holds(key: string): string {
  return `(has(self.data) && '${key}' in self.data)`
    + ` || (has(self.stringData) && '${key}' in self.stringData)`;
}

function needs(type: string, keys: readonly string[], some = false): CelRule {
  const held = keys.map((key) => `(${holds(key)})`).join(some ? " || " : " && ");
  return {
    rule: `!has(self.type) || self.type != 'kubernetes.io/${type}' || (${held})`,
    title: `a Secret of type \`kubernetes.io/${type}\` needs `
      + keys.map((key) => `\`${key}\``).join(some ? " or " : " and "),
    at: ["data"],
  };
}

export const secretFields: JsonSchema = fields(
  { data: binaryData, immutable: flag, stringData: textData, type: text }, [],
  [
    needs("tls", ["tls.crt", "tls.key"]),
    needs("basic-auth", ["username", "password"], true),
    needs("ssh-auth", ["ssh-privatekey"]),
    needs("dockerconfigjson", [".dockerconfigjson"]),
    needs("dockercfg", [".dockercfg"]),
  ],
);

export const configMapFields: JsonSchema = fields(
  { binaryData, data: textData, immutable: flag }, [],
  [{
    rule: "!has(self.data) || !has(self.binaryData)"
      + " || self.data.all(key, !(key in self.binaryData))",
    title: "a key is in `data` and in `binaryData`", at: ["data"],
  }],
);

/** `status` is other controllers' to write: it is kept, and not looked into. */
export const openStatus: JsonSchema = anything;
