// One row of the contract: manifests, requests, and what a gateway must make of them, whichever
// runtime it is. The same rows are put to the reference matcher, the wasm core, Envoy and the edge.

export interface Scenario {
  /** States the law. */
  readonly name: string;
  /**
   * YAML documents. A namespace of its own is filled in where a document names none; a Gateway
   * `gateway` with one HTTP listener on port 80 is added where there is none; and so is every
   * Service that a backendRef names and that is one of `backendNames`, `grpcNames` or `idle`.
   */
  readonly manifests: string;
  readonly requests: readonly (Exchange | Split)[];
  /**
   * `traffic`: what it is about happens after a route is chosen, so that neither the reference
   * matcher nor the core can show it. They are not asked.
   */
  readonly seenBy?: "traffic";
}

export interface Request {
  readonly method?: string;
  /** Absent: no Host field. */
  readonly host?: string;
  /** As it stands on the request line. */
  readonly target: string;
  /** In this order, repeated or not. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly body?: string;
  /** The listener's port; 80 where there is none. */
  readonly port?: number;
  /** The name of the Gateway; `gateway` where there is none. */
  readonly gateway?: string;
  /** The server name of a TLS connection. Absent: no TLS. The certificate is not checked. */
  readonly sni?: string;
  /** A gRPC call over HTTP/2; `target` is `/service/method`. */
  readonly protocol?: "grpc";
}

export interface Exchange extends Request {
  readonly expect: Expected;
}

/** Several of one request, and how they must be shared out. */
export interface Split extends Request {
  readonly times: number;
  /** By backend name, or by status where no backend answered. */
  readonly shares: Readonly<Record<string, number>>;
  /**
   * The response header that ties later requests to the first one's backend: `set-cookie`, whose
   * cookies are sent back, or a header that is sent back as it came. Any one backend may get all.
   */
  readonly session?: string;
}

export interface Expected {
  /** 200 where there is none. */
  readonly status?: number;
  readonly backend?: string;
  readonly location?: string;
  /** Of the response; null: must not be there. Values of repeated lines are joined by ", ". */
  readonly headers?: Fields;
  /** What the backend saw. */
  readonly upstream?: {
    readonly method?: string;
    readonly path?: string;
    readonly host?: string;
    readonly headers?: Fields;
  };
  /** Backends that get a copy. */
  readonly mirrored?: readonly string[];
  /** How often the backend was asked. */
  readonly attempts?: number;
  /** The status of a gRPC call; 0 where there is none. */
  readonly grpcStatus?: number;
  /** The certificate that the server shows: its common name. */
  readonly certificate?: string;
}

export type Fields = Readonly<Record<string, string | null>>;

/** Backends that stand behind every world. `idle` is a Service without a ready endpoint. */
export const backendNames = ["v1", "v2", "v3"] as const;

/** Speak HTTP/2 without TLS, and gRPC. */
export const grpcNames = ["g1", "g2"] as const;

interface Metadata {
  /** Routes that an API server has seen are older than those without. */
  readonly created?: string;
  readonly namespace?: string;
  readonly kind?: "HTTPRoute" | "GRPCRoute";
  /** Value of the annotation `fairlead.dev/pin`. */
  readonly pin?: string;
}

function document(
  kind: string, name: string, spec: string, { created, namespace, pin }: Metadata,
): string {
  const lines = [
    "---", "apiVersion: gateway.networking.k8s.io/v1", `kind: ${kind}`,
    "metadata:", `  name: ${name}`,
    ...(namespace === undefined ? [] : [`  namespace: ${namespace}`]),
    ...(created === undefined ? [] : [`  creationTimestamp: "${created}"`]),
    ...(pin === undefined ? [] : ["  annotations:", `    fairlead.dev/pin: "${pin}"`]),
    "spec:", indented(spec),
  ];
  return `${lines.join("\n")}\n`;
}

/** Takes the indentation of the first line from every line, and gives all of them two spaces. */
function indented(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const margin = /^ */.exec(lines[0] ?? "")?.[0].length ?? 0;
  return lines.map((line) => `  ${line.slice(margin)}`).join("\n");
}

/** A route of the Gateway `gateway`, unless `spec` names its own parents. */
export function route(name: string, spec: string, metadata: Metadata = {}): string {
  const parents = /^ *parentRefs:/m.test(spec) ? "" : "parentRefs: [{name: gateway}]\n";
  const kind = metadata.kind ?? "HTTPRoute";
  return document(kind, name, `${parents}${indented(spec).replaceAll(/^ {2}/gm, "")}`, metadata);
}

export function gateway(spec: string, name = "gateway"): string {
  return document("Gateway", name, `gatewayClassName: fairlead\n${
    indented(spec).replaceAll(/^ {2}/gm, "")}`, {});
}
