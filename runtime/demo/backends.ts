// Two small HTTP servers to forward to, and the EndpointSlices that say where they listen.

import { createServer, type Server } from "node:http";

export interface Backend {
  readonly service: string;
  readonly namespace: string;
  readonly port: number;
  readonly server: Server;
}

/** Each answers `hello from backend …` to everything, on a port that the system chooses. */
export function startBackends(): Promise<readonly Backend[]> {
  return Promise.all([
    startBackend("backend-v1", "hello from backend v1\n"),
    startBackend("backend-v2", "hello from backend v2\n"),
  ]);
}

function startBackend(service: string, greeting: string): Promise<Backend> {
  const server = createServer((request, response) => {
    request.resume();
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.end(greeting);
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") return reject(new Error("no port"));
      resolve({ service, namespace: "istio-test", port: address.port, server });
    });
  });
}

export function stopBackends(backends: readonly Backend[]): void {
  for (const { server } of backends) {
    server.close();
    server.closeAllConnections();
  }
}

/** JSON is YAML. */
export function endpointSlices(backends: readonly Backend[]): string {
  const documents = backends.map((backend) => JSON.stringify(endpointSlice(backend), null, 2));
  return documents.map((text) => `---\n${text}\n`).join("");
}

function endpointSlice({ service, namespace, port }: Backend): object {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${service}-demo`,
      namespace,
      labels: { "kubernetes.io/service-name": service },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
    ports: [{ name: "http", port, protocol: "TCP" }],
  };
}
