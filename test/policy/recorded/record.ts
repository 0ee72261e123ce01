// Asks Istio's own translation about every case, and writes down which clusters it makes:
//   node test/policy/recorded/record.ts PROGRAM
// PROGRAM runs Istio's Pilot over manifests without a cluster: `PROGRAM -ns NAMESPACE -labels A=B
// -locality REGION/ZONE/SUBZONE -out DIR FILE` writes the clusters.json and endpoints.json that the
// Gateway's proxy would get. BackendTLSPolicy has to be among the kinds that it announces. The
// table that is here is Istio 1.31's.

import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cases, type Case, type Json } from "./cases.ts";

/** What names a cluster elsewhere, and what has nothing to do with rules. */
const dropped = ["metadata", "filters", "altStatName", "edsClusterConfig", "typedDnsResolverConfig",
  "loadAssignment", "dnsJitter", "dnsRefreshRate", "respectDnsTtl", "dnsLookupFamily"];

interface Assignment { readonly clusterName?: string; readonly endpoints?: readonly Json[] }

function ask(program: string, folder: string, c: Case): Json {
  const file = join(folder, "in.yaml");
  const labels = { "gateway.networking.k8s.io/gateway-name": "gw", ...c.labels };
  writeFileSync(file, c.objects.map((o) => JSON.stringify(o)).join("\n---\n"));
  execFileSync(program, ["-ns", c.client ?? "infra", "-out", folder,
    "-labels", Object.entries(labels).map(([k, v]) => `${k}=${v}`).join(","),
    ...(c.locality === undefined ? [] : ["-locality", c.locality]), file], {
    env: { ...process.env, PILOT_ENABLE_METADATA_EXCHANGE: "false",
      PILOT_ENABLE_ALPN_FILTER: "false" }, stdio: ["ignore", "ignore", "pipe"], timeout: 60_000 });
  const read = <T>(name: string): readonly T[] =>
    JSON.parse(readFileSync(join(folder, name), "utf8")) as readonly T[];
  const assigned = new Map(read<Assignment>("endpoints.json").map((a) => [a.clusterName, a]));
  const clusters = read<Json>("clusters.json")
    .filter(({ name }) => String(name).startsWith("outbound|"))
    .sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1))
    .map((cluster) => {
      const { endpoints = [] } = cluster.loadAssignment as Assignment | undefined
        ?? assigned.get(String(cluster.name)) ?? {};
      const kept = Object.entries(cluster).filter(([key]) => !dropped.includes(key));
      return { ...Object.fromEntries(kept), endpoints: endpoints.map(withoutMetadata) };
    });
  return { name: c.name, clusters };
}

function withoutMetadata({ lbEndpoints, ...rest }: Json): Json {
  return { ...rest, lbEndpoints: ((lbEndpoints ?? []) as readonly Json[])
    .map(({ metadata: _, ...kept }) => kept) };
}

const [program] = process.argv.slice(2);
if (program === undefined) throw new Error("usage: record.ts <program>");
const folder = mkdtempSync(join(tmpdir(), "fairlead-record-"));
try {
  const rows = cases.map((c) => JSON.stringify(ask(program, folder, c)));
  writeFileSync(new URL("istio.json", import.meta.url), `[\n${rows.join(",\n")}\n]\n`);
} finally {
  rmSync(folder, { recursive: true });
}
