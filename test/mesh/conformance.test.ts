// The conformance tests of the mesh, as far as they need no cluster: `fairlead dev` stands for the
// client's side of the mesh, and echo backends for the pods.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { SourceFile } from "../../compiler/source.ts";
import type { ServedListener } from "../../runtime/dev/contract.ts";
import { send, type Answer } from "../contract/client.ts";
import { startEcho, startGrpcEcho, type Echo, type Seen } from "../contract/echo.ts";
import { serve } from "../contract/traffic.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance", import.meta.url));
const isHere = existsSync(join(folder, "MESH_BASE.json"));
const home = "gateway-conformance-mesh";

interface Case {
  readonly from: { readonly namespace: string };
  readonly request: {
    readonly host: string;
    readonly method?: string;
    readonly path?: string;
    readonly protocol: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly expect: {
    readonly statusCodes?: readonly number[];
    readonly podPrefix?: string;
    readonly headers?: Readonly<Record<string, string>>;
    readonly absentHeaders?: readonly string[];
    readonly backendRequest?: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly absentHeaders?: readonly string[];
    };
    readonly declaredRedirect?: { readonly path?: string };
  };
}

type Step = ({ readonly type: "meshHTTP" } & Case) | {
  readonly type: "weightedDistribution";
  readonly request: Case;
  readonly expectedShares: Readonly<Record<string, number>>;
  readonly tolerance: number;
  readonly totalRequests: number;
};

interface TestFile {
  readonly shortName: string;
  readonly manifests: readonly { readonly documents: readonly unknown[] }[];
  readonly steps: readonly Step[];
}

const tests = !isHere ? [] : readdirSync(folder).filter((name) => /^Mesh.*\.json$/.test(name))
  .map((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as TestFile);

/** Its only feature of its own is to tell a Service by the address that is dialled, not by Host. */
const needsAddresses = "MeshFrontendHostname";

function caseOf(step: Step): Case {
  return step.type === "meshHTTP" ? step : step.request;
}

/** A pod's own address is not a Service's: such a request never meets the mesh's routes. */
function goesPast(step: Step): boolean {
  return caseOf(step).request.host.includes("{{podIP:");
}

/** The edge platform drops trailers; what it answers to gRPC is shown in the contract suite. */
function isGrpc(step: Step): boolean {
  return caseOf(step).request.protocol === "grpc";
}

const pods: readonly string[] = ["echo-v1", "echo-v2"];
interface Pod {
  readonly http: Echo;
  readonly grpc: Echo;
}

/** The endpoints of each of the base's Services: `echo` has both pods. */
function slices(backends: ReadonlyMap<string, Pod>): readonly unknown[] {
  return [...pods, "echo"].flatMap((service) => pods
    .filter((pod) => service === "echo" || service === pod)
    .map((pod) => {
      const { http, grpc } = backends.get(pod) ?? { http: { port: 1 }, grpc: { port: 1 } };
      const port = (name: string, number: number): unknown => ({ name, port: number });
      return {
        apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4",
        metadata: {
          name: `${service}-${pod}`, namespace: home,
          labels: { "kubernetes.io/service-name": service },
        },
        ports: [
          port("http", http.port), port("http-alt", http.port), port("grpc", grpc.port),
        ],
        endpoints: [{ addresses: ["127.0.0.1"], conditions: { ready: true } }],
      };
    }));
}

function filesOf(tested: TestFile, backends: ReadonlyMap<string, Pod>): readonly SourceFile[] {
  const base = JSON.parse(readFileSync(join(folder, "MESH_BASE.json"), "utf8"));
  const services = (base.documents as { kind: string }[]).filter((d) => d.kind === "Service");
  const documents = [
    ...services, ...slices(backends), ...tested.manifests.flatMap((m) => m.documents),
  ];
  return [{
    path: `${tested.shortName}.yaml`,
    text: documents.map((d) => `---\n${JSON.stringify(d)}\n`).join(""),
  }];
}

function listenerFor(
  listeners: readonly ServedListener[], { from, request }: Case,
): ServedListener {
  const port = Number(/:(\d+)$/.exec(request.host)?.[1] ?? 80);
  const found = [from.namespace, "*"].flatMap((namespace) => listeners.filter((l) =>
    l.gateway === `${namespace}/(mesh)` && l.port === port));
  const [listener] = found;
  if (!listener) throw new Error(`nobody listens for ${request.host} from ${from.namespace}`);
  return listener;
}

describe.skipIf(!isHere)("with the conformance data, which is not part of this repository", () => {
  const backends = new Map<string, Pod>();
  beforeAll(async () => {
    for (const pod of pods) {
      backends.set(pod, { http: await startEcho(pod), grpc: await startGrpcEcho(pod) });
    }
  });
  afterAll(async () => {
    for (const { http, grpc } of backends.values()) await Promise.all([http.close(), grpc.close()]);
  });

  let count = 0;
  /** What came back, and what the pod that answered had been sent. */
  async function ask(
    listeners: readonly ServedListener[], given: Case,
  ): Promise<{ readonly answer: Answer; readonly seen: Seen | undefined }> {
    const { request } = given;
    count += 1;
    const id = `mesh-${count}`;
    const isCall = request.protocol === "grpc";
    const target = isCall ? "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/Echo"
      : request.path ?? "/";
    const answer = await send(listenerFor(listeners, given).address, {
      target, host: request.host, method: request.method ?? "GET",
      headers: Object.entries(request.headers ?? {}), ...(isCall && { protocol: "grpc" }),
    }, id);
    const seen = [...backends.values()].flatMap(({ http, grpc }) =>
      [...http.seen(id), ...grpc.seen(id)]);
    return { answer, seen: seen[0] };
  }

  const valueOf = (lines: readonly (readonly [string, string])[], name: string): string | null => {
    const values = lines.filter(([n]) => n.toLowerCase() === name.toLowerCase());
    // Node joins repeated lines of HTTP/2 with a blank behind the comma.
    return values.length === 0 ? null
      : values.map(([, value]) => value.replaceAll(/,\s+/g, ",")).join(",");
  };

  async function judge(listeners: readonly ServedListener[], given: Case): Promise<void> {
    const { answer, seen } = await ask(listeners, given);
    const wanted = given.expect;
    if (wanted.statusCodes) expect(wanted.statusCodes).toContain(answer.status);
    if (wanted.podPrefix !== undefined) expect(seen?.backend).toBe(wanted.podPrefix);
    for (const [name, value] of Object.entries(wanted.headers ?? {})) {
      expect(valueOf(answer.headers, name), name).toBe(value);
    }
    for (const name of wanted.absentHeaders ?? []) {
      expect(valueOf(answer.headers, name), name).toBeNull();
    }
    for (const [name, value] of Object.entries(wanted.backendRequest?.headers ?? {})) {
      expect(valueOf(seen?.headers ?? [], name), name).toBe(value);
    }
    for (const name of wanted.backendRequest?.absentHeaders ?? []) {
      expect(valueOf(seen?.headers ?? [], name), name).toBeNull();
    }
    const { declaredRedirect } = wanted;
    if (declaredRedirect?.path !== undefined) {
      const location = valueOf(answer.headers, "location") ?? "";
      expect(new URL(location).pathname).toBe(declaredRedirect.path);
    }
  }

  async function judgeShares(
    listeners: readonly ServedListener[], step: Extract<Step, { type: "weightedDistribution" }>,
  ): Promise<void> {
    const counts = new Map<string, number>();
    for (let sent = 0; sent < step.totalRequests; sent += 1) {
      const { seen } = await ask(listeners, step.request);
      counts.set(seen?.backend ?? "none", (counts.get(seen?.backend ?? "none") ?? 0) + 1);
    }
    for (const [pod, share] of Object.entries(step.expectedShares)) {
      const seen = (counts.get(pod) ?? 0) / step.totalRequests;
      expect(Math.abs(seen - share), pod).toBeLessThanOrEqual(step.tolerance);
    }
  }

  describe.each(["envoy", "edge"] as const)("on %s", (runtime) => {
    test.skipIf(!isHere)(`${needsAddresses} is left out: requests are told apart by Host`, () =>
      expect(tests.map((t) => t.shortName)).toContain(needsAddresses));

    const others = tests.filter(({ shortName }) => shortName !== needsAddresses)
      .filter(({ steps }) => runtime === "envoy" || !steps.some(isGrpc));
    test.each(others.map((t) => [t.shortName, t] as const))("%s", async (_, tested) => {
      const warnings: string[] = [];
      const { listeners, stop } = await serve(
        runtime, filesOf(tested, backends), (text) => warnings.push(text), "filter");
      try {
        for (const step of tested.steps.filter((s) => !goesPast(s))) {
          if (step.type === "meshHTTP") await judge(listeners, step);
          else await judgeShares(listeners, step);
        }
      } finally {
        await stop();
      }
      expect(warnings).toEqual([]);
    });
  });
});
