// The data plane's routing cases, asked of the ranked IR by a matcher that knows nothing but the
// IR's own contract: the right virtual host, then its first match that fits.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Ir, RouteMatch, ValueMatch } from "../../compiler/ir.ts";
import { compareSpecificity, covers } from "../../compiler/resolve/hostname.ts";
import { isMesh, trafficSkips } from "./skips.ts";
import { makeSecrets, World } from "./world.ts";
import type { Json } from "./json.ts";

const folder = fileURLToPath(new URL("../../../shared/conformance", import.meta.url));
const read = (file: string): Json => JSON.parse(readFileSync(join(folder, file), "utf8"));

const fits = (want: ValueMatch, value: string | undefined): boolean => value !== undefined
  && (want.kind === "exact" ? value === want.value : new RegExp(`^(?:${want.value})$`).test(value));

function matches(match: RouteMatch, request: Json): boolean {
  const url = new URL(request.path, "http://unused");
  const { kind, value } = match.path;
  const path = url.pathname;
  const onPath = kind === "exact" ? path === value
    : kind === "regex" ? new RegExp(`^(?:${value})$`).test(path)
    : path === value || path.startsWith(`${value}/`);
  const headers = new Map(Object.entries(request.headers ?? {})
    .map(([name, v]) => [name.toLowerCase(), String(v)]));
  return onPath && (!match.method || match.method === request.method)
    && match.headers.every((h) => fits(h, headers.get(h.name)))
    && match.queryParams.every((q) => fits(q, url.searchParams.get(q.name) ?? undefined));
}

/** A gRPC call as the HTTP request that it is, and its status as that of a gateway. */
function asHttp(step: Json): Json {
  if (step.type !== "grpc") return step;
  const { request, expect: want } = step;
  const { authority: host, method: path, metadata: headers } = request;
  const statusCodes = [want.code === "OK" ? 200 : 404];
  const { namespace, podPrefix } = want;
  return { ...step, request: { host, path, headers, method: "POST" },
    expect: { statusCodes, ...(namespace ? { backend: { namespace, podPrefix } } : {}) } };
}

function route(ir: Ir, { target, request }: Json): RouteMatch | undefined {
  const port = ir.gatewayPorts.find((p) => p.port === target.port
    && p.gateway.name === target.gateway.name && p.gateway.namespace === target.gateway.namespace);
  const host = (request.host ?? "127.0.0.1").replace(/:\d+$/, "").toLowerCase();
  const [found] = (port?.virtualHosts ?? []).filter((h) => covers(h.hostname, host))
    .sort((a, b) => compareSpecificity(a.hostname, b.hostname));
  return found?.matches.find((m) => matches(m, request));
}

/** What the IR says of the step, in the words of its expectation. */
function answer(ir: Ir, step: Json, programs: ReadonlyMap<string, string[]>): string[] {
  const match = route(ir, step);
  if (!match) return ["404"];
  const { action } = match.rule;
  if (action.kind === "redirect") return [String(action.statusCode)];
  const clusters = action.backends.map((b) => b.cluster);
  if (clusters.every((c) => c === undefined)) return ["500"];
  return clusters.flatMap((index) => {
    if (index === undefined) return ["500"];
    const service = ir.clusters[index]!.service;
    const pods = programs.get(`${service.namespace}/${service.name}`) ?? [];
    return pods.map((pod) => `200 ${service.namespace}/${pod}`);
  });
}

function expected({ expect: want }: Json): (said: string) => boolean {
  const { statusCodes, backend } = want;
  if (!backend || !statusCodes.includes(200)) {
    return (said) => statusCodes.includes(Number(said.slice(0, 3)));
  }
  return (said) => said.startsWith(`200 ${backend.namespace}/${backend.podPrefix ?? ""}`);
}

if (!existsSync(join(folder, "SETUP.json"))) {
  test.skip("the conformance data is not beside this checkout", () => {});
} else {
  const base = read("BASE.json");
  const secrets = makeSecrets(read("SETUP.json").generated);
  const cases = readdirSync(folder).filter((f) => f.endsWith(".json")).map(read)
    .filter((t) => t.steps?.some((s: Json) => /^(https?|grpc)$/.test(s.type))
      && !isMesh(t.shortName));
  for (const { shortName, steps, manifests, backends = [] } of cases) {
    const documents = [...base.documents, ...secrets.objects,
      ...manifests.flatMap((m: Json) => m.documents)];
    test.skipIf(shortName in trafficSkips)(`routing: ${shortName}`, () => {
      const world = new World(documents, secrets.values);
      const programs = new Map<string, string[]>([...base.backends, ...backends].map((b: Json) =>
        [`${b.namespace}/${b.service}`, b.programs.map((p: Json) => p.podPrefix)]));
      const facts = steps.map(asHttp).flatMap((step: Json) => {
        if (step.plane === "mutate") world.mutate(step);
        // The echo program answers 503 itself where a Service has no endpoints in the cluster.
        if (!/^(https?|grpc)$/.test(step.type) || step.expect.statusCodes.includes(503)) return [];
        const said = answer(world.ir(), step, programs);
        const fitsStep = expected(step);
        return said.some(fitsStep) ? [] : [`step ${step.id} ${step.subtest}: ${said}`];
      });
      expect(facts).toEqual([]);
    });
  }
}
