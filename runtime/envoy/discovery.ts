// Serves a running Envoy its configuration: REST discovery (xDS as JSON) over a socket in Envoy's
// own folder. A request for what Envoy has already is answered when there is something newer, so
// that an update arrives at once. Files would do too, but for each that it watches Envoy takes an
// inotify instance, of which Linux gives a user 128.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import type { Json } from "../../compiler/emit/artifact.ts";

type Fields = { readonly [key: string]: Json };

/** The last part of the service's path, `/v3/discovery:<kind>`. */
export type Kind = "listeners" | "clusters" | "routes" | "extension_configs";

/** What one subscription asks for: all listeners, all clusters, or one named resource. */
export interface Subject {
  readonly kind: Kind;
  /** "" for listeners and clusters, which come all at once. */
  readonly name: string;
}

export interface DiscoveryServer {
  /** Of an update that Envoy has not asked for yet only the last counts. */
  put(subject: Subject, version: string, resources: readonly Json[]): void;
  /** Forgets what is none of `kept`. */
  keep(kept: readonly Subject[]): void;
  close(): Promise<void>;
}

interface Waiting {
  readonly response: ServerResponse;
  /** What its Envoy refused or has already. */
  readonly known: string;
}

const clusterName = "fairlead-discovery";
/** A server says "nothing new" before a client gives up. */
const patienceMs = 600_000;

/** For the bootstrap's static clusters. */
export function discoveryCluster(socket: string): Fields {
  const many = { max_connections: 65_536, max_pending_requests: 65_536, max_requests: 65_536 };
  return {
    name: clusterName,
    type: "STATIC",
    connect_timeout: "5s",
    circuit_breakers: { thresholds: [many] },
    load_assignment: {
      cluster_name: clusterName,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: { pipe: { path: socket } } } }] }],
    },
  };
}

/** The `config_source` of everything that is discovered. */
export function discovered(): Fields {
  return {
    resource_api_version: "V3",
    api_config_source: {
      api_type: "REST",
      transport_api_version: "V3",
      cluster_names: [clusterName],
      // From one answer to the next question; the wait is ours.
      refresh_delay: "0.01s",
      request_timeout: `${patienceMs / 1000 + 60}s`,
    },
  };
}

function keyOf({ kind, name }: Subject): string {
  return `${kind} ${name}`;
}

export async function serveDiscovery(socket: string): Promise<DiscoveryServer> {
  const documents = new Map<string, { readonly version: string; readonly body: string }>();
  const waiting = new Map<string, Set<Waiting>>();
  /** The last version that was sent, by subject: Envoy repeats only what it has accepted. */
  const sent = new Map<string, string>();
  const send = (key: string, { response, known }: Waiting): boolean => {
    const document = documents.get(key);
    if (document === undefined || document.version === known) return false;
    sent.set(key, document.version);
    response.once("close", () => {
      if (!response.writableFinished) sent.delete(key);
    });
    response.writeHead(200, { "content-type": "application/json" }).end(document.body);
    return true;
  };
  const wait = (key: string, one: Waiting): void => {
    const others = waiting.get(key) ?? new Set();
    waiting.set(key, others.add(one));
    const timer = setTimeout(() => void one.response.writeHead(304).end(), patienceMs);
    one.response.once("close", () => {
      clearTimeout(timer);
      others.delete(one);
    });
  };
  const server = createServer((request, response) => {
    void readSubject(request).then((asked) => {
      if (asked === undefined) return void response.writeHead(404).end();
      const key = keyOf(asked.subject);
      // A subscription that begins has nothing, whatever another one was sent before it.
      const known = asked.version === "" ? "" : sent.get(key) ?? asked.version;
      const one = { response, known };
      if (!send(key, one)) wait(key, one);
    }, () => void response.destroy());
  });
  // Envoy keeps its connections as long as it wants to: one that is closed may cost a question.
  server.keepAliveTimeout = 0;
  server.requestTimeout = 0;
  await listening(server, socket);
  return {
    put: (subject, version, resources) => {
      const key = keyOf(subject);
      documents.set(key, { version, body: JSON.stringify({ version_info: version, resources }) });
      for (const one of [...waiting.get(key) ?? []]) {
        if (send(key, one)) waiting.get(key)?.delete(one);
      }
    },
    keep: (kept) => {
      const keys = new Set(kept.map(keyOf));
      for (const map of [documents, sent]) {
        for (const key of map.keys()) if (!keys.has(key)) map.delete(key);
      }
      for (const [key, those] of waiting) if (those.size === 0) waiting.delete(key);
    },
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}

function listening(server: Server, socket: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject).listen(socket, resolve);
  });
}

interface Asked {
  readonly subject: Subject;
  /** What this subscription has; "" at its beginning. */
  readonly version: string;
}

interface DiscoveryRequest {
  readonly version_info?: string;
  readonly resource_names?: readonly string[];
}

const kinds: readonly string[] =
  ["listeners", "clusters", "routes", "extension_configs"] satisfies readonly Kind[];

async function readSubject(request: IncomingMessage): Promise<Asked | undefined> {
  let text = "";
  request.setEncoding("utf8");
  for await (const chunk of request) text += String(chunk);
  const kind = /^\/v3\/discovery:(\w+)$/.exec(request.url ?? "")?.[1] ?? "";
  if (!kinds.includes(kind)) return undefined;
  const { version_info: version = "", resource_names: names = [] } =
    JSON.parse(text) as DiscoveryRequest;
  const all = kind === "listeners" || kind === "clusters";
  return { subject: { kind: kind as Kind, name: all ? "" : names[0] ?? "" }, version };
}
