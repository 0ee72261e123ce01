// All scenarios as one world: a namespace for each, in it its Gateway, its routes, and the Services
// that its backendRefs name, with EndpointSlices that lead to the echo backends.

import { parseAllDocuments } from "yaml";

import { compile, type Compilation } from "../../compiler/compile.ts";
import type { SourceFile } from "../../compiler/source.ts";
import { makeCertificate } from "./certificate.ts";
import { backendNames, grpcNames, type Request, type Scenario } from "./scenario.ts";

/** YAML documents are of any shape. */
type Document = { readonly [field: string]: unknown };

/** Where a backend listens, by name. */
export type Ports = Readonly<Record<string, number>>;

/** For runners without traffic: nothing listens there. */
export const noPorts: Ports = Object.fromEntries(
  [...backendNames, ...grpcNames].map((name, i) => [name, i + 1]),
);

/** Also a DNS label: the scenario's namespace. */
export function slug(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").slice(0, 63).replaceAll(/^-+|-+$/g, "");
}

function metadataOf(document: Document): Document {
  return (document["metadata"] ?? {}) as Document;
}

function has(documents: readonly Document[], kind: string, name?: string): boolean {
  return documents.some((d) => d["kind"] === kind
    && (name === undefined || metadataOf(d)["name"] === name));
}

/** Every `name` of an object below one of these fields. */
function namesIn(value: unknown, fields: readonly string[], inside = false): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((v) => namesIn(v, fields, inside));
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([field, inner]) => {
    if (inside && field === "name" && typeof inner === "string") return [inner];
    return namesIn(inner, fields, inside || fields.includes(field));
  });
}

const defaultGateway: Document = {
  apiVersion: "gateway.networking.k8s.io/v1", kind: "Gateway", metadata: { name: "gateway" },
  spec: { gatewayClassName: "fairlead", listeners: [{ name: "http", port: 80, protocol: "HTTP" }] },
};

function isGrpc(name: string): boolean {
  return (grpcNames as readonly string[]).includes(name);
}

const certificates = new Map<string, Document>();

/** A Secret with a certificate whose common name is the Secret's own name. */
function certificateSecret(name: string): Document {
  const made = certificates.get(name) ?? ((): Document => {
    const { certificate, key } = makeCertificate(name);
    const encode = (text: string): string => Buffer.from(text).toString("base64");
    return {
      apiVersion: "v1", kind: "Secret", metadata: { name }, type: "kubernetes.io/tls",
      data: { "tls.crt": encode(certificate), "tls.key": encode(key) },
    };
  })();
  certificates.set(name, made);
  return made;
}

function service(name: string): Document {
  return {
    apiVersion: "v1", kind: "Service", metadata: { name },
    spec: {
      selector: { app: name },
      ports: [{
        name: "http", port: 80, targetPort: 3000,
        ...(isGrpc(name) && { appProtocol: "kubernetes.io/h2c" }),
      }],
    },
  };
}

function slice(name: string, port: number | undefined): Document {
  return {
    apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice",
    metadata: { name: `${name}-1`, labels: { "kubernetes.io/service-name": name } },
    addressType: "IPv4", ports: [{ name: "http", port: port ?? 1, protocol: "TCP" }],
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: port !== undefined } }],
  };
}

function filled(scenario: Scenario, ports: Ports): readonly Document[] {
  const given = parseAllDocuments(scenario.manifests)
    .map((d): Document => d.toJS() as Document)
    .filter((d) => d !== null);
  const wanted = new Set(namesIn(given, ["backendRefs", "backendRef"]));
  const secrets = new Set(namesIn(given, ["certificateRefs"]));
  const services = [...backendNames, ...grpcNames, "idle"].filter((name) =>
    wanted.has(name) && !has(given, "Service", name));
  return [
    ...(has(given, "Gateway") ? [] : [defaultGateway]),
    ...given,
    ...[...secrets].filter((name) => !name.startsWith("missing")).map(certificateSecret),
    ...services.flatMap((name) => [service(name), slice(name, ports[name])]),
  ];
}

/** As one file of JSON documents, which are YAML too. */
export function fileOf(scenario: Scenario, ports: Ports): SourceFile {
  const namespace = slug(scenario.name);
  const own = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
  const documents = filled(scenario, ports).map((document) => {
    const isNamespace = document["kind"] === "Namespace";
    const metadata = isNamespace ? metadataOf(document) : { namespace, ...metadataOf(document) };
    return { ...document, metadata };
  });
  const text = [own, ...documents].map((d) => `---\n${JSON.stringify(d)}\n`).join("");
  return { path: `${namespace}.yaml`, text };
}

export function compileAll(scenarios: readonly Scenario[], ports: Ports): Compilation {
  return compile(scenarios.map((s) => fileOf(s, ports)));
}

/** The gateway port that a request comes in by. Throws where the world has none. */
export function gatewayPortOf(
  compilation: Compilation, scenario: Scenario, { gateway = "gateway", port = 80 }: Request,
): number {
  const namespace = slug(scenario.name);
  const index = compilation.ir.gatewayPorts.findIndex((p) => p.port === port
    && p.gateway.namespace === namespace && p.gateway.name === gateway);
  if (index < 0) throw new Error(`no Gateway ${namespace}/${gateway} serves port ${port}`);
  return index;
}
