// Manifests of Kubernetes' other own kinds, and metadata: the API server checks these by code, so
// no published schema tells what to try.

import type { Case } from "./cases.ts";
import { many, type Tries } from "./many.ts";
import { services } from "./services.ts";

const port = { port: 80 };

function slice(more: object): object {
  return { addressType: "IPv4", endpoints: [], ...more };
}

function endpoint(more: object): object {
  return slice({ endpoints: [{ addresses: ["10.0.0.1"], ...more }] });
}

const v6 = "2001:db8::1";

const slices = many("EndpointSlice", "discovery.k8s.io/v1", {
  "no endpoints": { addressType: "IPv4" },
  "null endpoints": { addressType: "IPv4", endpoints: null },
  "empty endpoints": slice({}),
  "no address type": { endpoints: [] },
  "address type nonsense": { addressType: "IP", endpoints: [] },
  "one address": endpoint({}),
  "no addresses": slice({ endpoints: [{}] }),
  "empty addresses": endpoint({ addresses: [] }),
  "address not one": endpoint({ addresses: ["x"] }),
  "address of the other family": endpoint({ addresses: [v6] }),
  "address v6": { addressType: "IPv6", endpoints: [{ addresses: [v6] }] },
  "address v4 where v6": { addressType: "IPv6", endpoints: [{ addresses: ["10.0.0.1"] }] },
  "address with a leading zero": endpoint({ addresses: ["10.0.0.01"] }),
  "address of the host": endpoint({ addresses: ["127.0.0.1"] }),
  "address v6 of the host": { addressType: "IPv6", endpoints: [{ addresses: ["::1"] }] },
  "address unspecified": endpoint({ addresses: ["0.0.0.0"] }),
  "address link-local": endpoint({ addresses: ["169.254.0.1"] }),
  "address multicast": endpoint({ addresses: ["224.0.0.1"] }),
  "address name": { addressType: "FQDN", endpoints: [{ addresses: ["a.b"] }] },
  "address short name": { addressType: "FQDN", endpoints: [{ addresses: ["a"] }] },
  "address name upper case": { addressType: "FQDN", endpoints: [{ addresses: ["A.b"] }] },
  "addresses 100": endpoint({ addresses: Array.from({ length: 100 }, (_, i) => `10.0.0.${i}`) }),
  "addresses 101": endpoint({ addresses: Array.from({ length: 101 }, (_, i) => `10.0.0.${i}`) }),
  "one address twice": endpoint({ addresses: ["10.0.0.1", "10.0.0.1"] }),
  "conditions": endpoint({ conditions: { ready: true, serving: true, terminating: false } }),
  "conditions null": endpoint({ conditions: { ready: null } }),
  "condition of text": endpoint({ conditions: { ready: "true" } }),
  "unknown condition": endpoint({ conditions: { readi: true } }),
  "hostname": endpoint({ hostname: "a-b" }),
  "hostname with a dot": endpoint({ hostname: "a.b" }),
  "hostname upper case": endpoint({ hostname: "A" }),
  "node name": endpoint({ nodeName: "a.b" }),
  "node name upper case": endpoint({ nodeName: "A" }),
  "zone": endpoint({ zone: "eu-1" }),
  "topology": endpoint({ deprecatedTopology: { "example.com/x": "a" } }),
  "topology hostname": endpoint({ deprecatedTopology: { "kubernetes.io/hostname": "a" } }),
  "hints": endpoint({ hints: { forZones: [{ name: "a" }] } }),
  "hint without a name": endpoint({ hints: { forZones: [{}] } }),
  "hint twice": endpoint({ hints: { forZones: [{ name: "a" }, { name: "a" }] } }),
  "nine hints": endpoint({ hints: {
    forZones: Array.from({ length: 9 }, (_, i) => ({ name: `z${i}` })) } }),
  "nine node hints": endpoint({ hints: {
    forNodes: Array.from({ length: 9 }, (_, i) => ({ name: `z${i}` })) } }),
  "target": endpoint({ targetRef: { kind: "Pod", name: "a", namespace: "default" } }),
  "ports": slice({ ports: [{ name: "a", port: 80 }] }),
  "ports null": slice({ ports: null }),
  "ports empty": slice({ ports: [] }),
  "port without number": slice({ ports: [{ name: "a" }] }),
  "port without anything": slice({ ports: [{}] }),
  "port 0": slice({ ports: [{ port: 0 }] }),
  "port 65536": slice({ ports: [{ port: 65536 }] }),
  "port -1": slice({ ports: [{ port: -1 }] }),
  "port names twice": slice({ ports: [{ name: "a", port: 80 }, { name: "a", port: 81 }] }),
  "two ports without names": slice({ ports: [{ port: 80 }, { port: 81 }] }),
  "port name upper case": slice({ ports: [{ name: "A", port: 80 }] }),
  "port name empty": slice({ ports: [{ name: "", port: 80 }] }),
  "port name of 64": slice({ ports: [{ name: "a".repeat(64), port: 80 }] }),
  "port protocol": slice({ ports: [{ port: 80, protocol: "UDP" }] }),
  "port protocol lower case": slice({ ports: [{ port: 80, protocol: "udp" }] }),
  "app protocol": slice({ ports: [{ port: 80, appProtocol: "kubernetes.io/h2c" }] }),
  "app protocol with a blank": slice({ ports: [{ port: 80, appProtocol: "h t" }] }),
  "app protocol empty": slice({ ports: [{ port: 80, appProtocol: "" }] }),
  "topology with a bad key": endpoint({ deprecatedTopology: { "a b": "a" } }),
  "address link-local six": { addressType: "IPv6", endpoints: [{ addresses: ["fe80::1"] }] },
  "node hint without a name": endpoint({ hints: { forNodes: [{}] } }),
  "status": slice({ status: {} }),
  "unknown field": slice({ port: [] }),
});

const secrets = many("Secret", "v1", {
  "opaque": { data: { a: "YQ==" } },
  "data not base64": { data: { a: "!" } },
  "data without padding": { data: { a: "YQ" } },
  "data with line ends": { data: { a: "YW\nFh\n" } },
  "data with a blank": { data: { a: "YW Fh" } },
  "data empty": { data: { a: "" } },
  "data null": { data: { a: null } },
  "data number": { data: { a: 1 } },
  "key with a slash": { data: { "a/b": "YQ==" } },
  "key empty": { data: { "": "YQ==" } },
  "key ..": { data: { "..": "YQ==" } },
  "key ..a": { data: { "..a": "YQ==" } },
  "key .": { data: { ".": "YQ==" } },
  "key .a": { data: { ".a": "YQ==" } },
  "key of 253": { data: { ["a".repeat(253)]: "YQ==" } },
  "key of 254": { data: { ["a".repeat(254)]: "YQ==" } },
  "string data": { stringData: { a: "b" } },
  "string data number": { stringData: { a: 1 } },
  "string data with a bad key": { stringData: { "a b": "b" } },
  "tls": { type: "kubernetes.io/tls", data: { "tls.crt": "YQ==", "tls.key": "YQ==" } },
  "tls without key": { type: "kubernetes.io/tls", data: { "tls.crt": "YQ==" } },
  "tls without data": { type: "kubernetes.io/tls" },
  "tls of string data": { type: "kubernetes.io/tls",
    stringData: { "tls.crt": "a", "tls.key": "b" } },
  "basic": { type: "kubernetes.io/basic-auth", stringData: { username: "a" } },
  "basic without either": { type: "kubernetes.io/basic-auth", stringData: { a: "b" } },
  "ssh": { type: "kubernetes.io/ssh-auth", stringData: { "ssh-privatekey": "a" } },
  "ssh without key": { type: "kubernetes.io/ssh-auth" },
  "docker": { type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": "{}" } },
  "docker not json": { type: "kubernetes.io/dockerconfigjson",
    stringData: { ".dockerconfigjson": "{" } },
  "docker without data": { type: "kubernetes.io/dockerconfigjson" },
  "service account token": { type: "kubernetes.io/service-account-token" },
  "type of one's own": { type: "example.com/x" },
  "immutable": { immutable: true },
  "immutable text": { immutable: "true" },
  "docker config": { type: "kubernetes.io/dockercfg", stringData: { ".dockercfg": "{}" } },
  "docker config without data": { type: "kubernetes.io/dockercfg" },
  "status": { status: {} },
  "unknown field": { dat: {} },
  "spec": { spec: {} },
});

const configMaps = many("ConfigMap", "v1", {
  "data": { data: { a: "b" } },
  "empty": {},
  "data number": { data: { a: 1 } },
  "data null": { data: { a: null } },
  "no data": { data: null },
  "key with a slash": { data: { "a/b": "b" } },
  "key empty": { data: { "": "b" } },
  "key ..": { data: { "..": "b" } },
  "key of 254": { data: { ["a".repeat(254)]: "b" } },
  "binary data": { binaryData: { a: "YQ==" } },
  "binary data not base64": { binaryData: { a: "!" } },
  "one key in both": { data: { a: "b" }, binaryData: { a: "YQ==" } },
  "binary key with a blank": { binaryData: { "a b": "YQ==" } },
  "immutable": { immutable: true },
  "unknown field": { dat: {} },
});

const namespaces = many("Namespace", "v1", {
  "plain": {},
  "finalizers": { spec: { finalizers: ["kubernetes"] } },
  "finalizer not qualified": { spec: { finalizers: ["x"] } },
  "unknown field of spec": { spec: { finalizer: [] } },
  "unknown field": { speck: {} },
});

const metadata: Tries = {
  "labels": { labels: { app: "x", "example.com/a": "b", empty: "" } },
  "label of a number": { labels: { app: 1 } },
  "label null": { labels: { app: null } },
  "labels null": { labels: null },
  "labels list": { labels: [] },
  "label value with a blank": { labels: { app: "a b" } },
  "label value of 63": { labels: { app: "a".repeat(63) } },
  "label value of 64": { labels: { app: "a".repeat(64) } },
  "label value ends with a dash": { labels: { app: "a-" } },
  "label key with a blank": { labels: { "a b": "x" } },
  "label key empty": { labels: { "": "x" } },
  "label key of 63": { labels: { ["a".repeat(63)]: "x" } },
  "label key of 64": { labels: { ["a".repeat(64)]: "x" } },
  "label key with two slashes": { labels: { "a/b/c": "x" } },
  "label key with an upper-case domain": { labels: { "A.com/b": "x" } },
  "label key with a domain with two dots": { labels: { "a..b/c": "x" } },
  "label key with an empty domain": { labels: { "/a": "x" } },
  "label key with an empty name": { labels: { "a/": "x" } },
  "label key with a domain of 253": {
    labels: { [`${"a".repeat(61)}.${`${"b".repeat(63)}.`.repeat(2)}${"c".repeat(63)}/x`]: "x" } },
  "label key with a domain of 254": {
    labels: { [`${"a".repeat(62)}.${`${"b".repeat(63)}.`.repeat(2)}${"c".repeat(63)}/x`]: "x" } },
  "annotations": { annotations: { "example.com/a": "any \u00e4 text" } },
  "annotation of a number": { annotations: { a: 1 } },
  "annotation of a boolean": { annotations: { a: true } },
  "annotation null": { annotations: { a: null } },
  "annotation key with a blank": { annotations: { "a b": "x" } },
  "annotation key with an upper-case domain": { annotations: { "A.com/b": "x" } },
  "annotation key with two slashes": { annotations: { "a/b/c": "x" } },
  "name of a label": { name: "a-b" },
  "name with a dot": { name: "a.b" },
  "name upper case": { name: "A" },
  "name with a digit first": { name: "9a" },
  "name of 63": { name: "a".repeat(63) },
  "name of 64": { name: "a".repeat(64) },
  "name of 253": { name: "a".repeat(253) },
  "name of 254": { name: "a".repeat(254) },
  "name with an underscore": { name: "a_b" },
  "name ends with a dash": { name: "a-" },
  "name of a number": { name: 1 },
  "name empty": { name: "" },
  "name null": { name: null },
  "generate name": { generateName: "a-" },
  "generate name upper case": { generateName: "A" },
  "unknown field": { label: {} },
  "generation": { generation: 3 },
  "generation negative": { generation: -1 },
  "generation text": { generation: "3" },
  "creation": { creationTimestamp: "2026-01-01T00:00:00Z" },
  "creation null": { creationTimestamp: null },
  "creation a date": { creationTimestamp: "2026-01-01" },
  "creation with a blank": { creationTimestamp: "2026-01-01 00:00:00Z" },
  "creation with a fraction": { creationTimestamp: "2026-01-01T00:00:00.5Z" },
  "creation in a zone": { creationTimestamp: "2026-01-01T00:00:00+02:00" },
  "creation empty": { creationTimestamp: "" },
  "uid": { uid: "a" },
  "uid number": { uid: 1 },
  "finalizers": { finalizers: ["example.com/x"] },
  "finalizer with a blank": { finalizers: ["a b"] },
  "finalizer plain": { finalizers: ["x"] },
  "finalizers null": { finalizers: null },
  "owner": { ownerReferences: [{ apiVersion: "v1", kind: "A", name: "a", uid: "u" }] },
  "owner without uid": { ownerReferences: [{ apiVersion: "v1", kind: "A", name: "a" }] },
  "owner of no version": {
    ownerReferences: [{ apiVersion: "", kind: "A", name: "a", uid: "u" }] },
  "two controllers": { ownerReferences: [
    { apiVersion: "v1", kind: "A", name: "a", uid: "u", controller: true },
    { apiVersion: "v1", kind: "A", name: "b", uid: "v", controller: true }] },
  "self link": { selfLink: "/x" },
  "cluster name": { clusterName: "x" },
  "grace period": { deletionGracePeriodSeconds: 1 },
  "managed fields": { managedFields: [] },
};

const bodies: readonly (readonly [string, string, object])[] = [
  ["HTTPRoute", "gateway.networking.k8s.io/v1", { spec: {} }],
  ["ConfigMap", "v1", {}],
];

const ofNames: readonly (readonly [string, string, object])[] = [
  ["Service", "v1", { spec: { ports: [port] } }],
  ["Namespace", "v1", {}],
  ["Secret", "v1", {}],
  ["EndpointSlice", "discovery.k8s.io/v1", slice({})],
  ["DestinationRule", "networking.istio.io/v1", { spec: { host: "a" } }],
];

function withMetadata(
  [kind, apiVersion, body]: (typeof bodies)[number], wanted: (name: string) => boolean,
): readonly Case[] {
  return Object.entries(metadata).filter(([name]) => wanted(name)).map(([name, value]) => ({
    name: `metadata: ${name}`, kind,
    manifest: { apiVersion, kind, metadata: { name: "x", ...(value as object) }, ...body },
  }));
}

const published = [
  "HTTPRoute", "GRPCRoute", "Gateway", "GatewayClass", "ReferenceGrant", "TLSRoute", "TCPRoute",
];

const documents: readonly Case[] = [
  ["no spec", {}], ["null spec", { spec: null }], ["empty spec", { spec: {} }],
  ["list for a spec", { spec: [] }], ["text for a spec", { spec: "a" }],
  ["unknown field", { spec: {}, speck: {} }], ["null status", { spec: {}, status: null }],
].flatMap(([name, body]) =>
  published.map((kind) => ({
    name: `document: ${String(name)}`, kind,
    manifest: {
      apiVersion: "gateway.networking.k8s.io/v1", kind, metadata: { name: "x" },
      ...(body as object),
    },
  })));

export const coreCases: readonly Case[] = [
  ...services, ...slices, ...secrets, ...configMaps, ...namespaces,
  ...bodies.flatMap((b) => withMetadata(b, () => true)),
  ...ofNames.flatMap((b) => withMetadata(b, (name) => name.startsWith("name "))),
  ...documents,
];
