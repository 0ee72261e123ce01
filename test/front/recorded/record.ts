// Asks a running API server about every case, and writes down what it says:
//   node test/front/recorded/record.ts https://127.0.0.1:16443 [KIND]…
// Of the kinds named, or of all; what was recorded of the others stays.
// The server has to serve the published custom resource definitions (compiler/schema/crds says
// which). FAIRLEAD_TOKEN is sent as its bearer token, and NODE_EXTRA_CA_CERTS names its authority.
// Nothing is stored there (dry run). The table that is here is Kubernetes 1.34.4's, with the
// definitions of Gateway API v1.7.0 (experimental channel) and Istio 1.31.

import { readFileSync, writeFileSync } from "node:fs";
import { kinds } from "../../../compiler/schema/catalog.ts";
import { allCases, type Case, type Recorded } from "./cases.ts";

interface Status {
  readonly reason?: string;
  readonly message?: string;
  readonly details?: { readonly causes?: readonly { reason?: string; field?: string }[] };
}

const plurals: Readonly<Record<string, string>> = {
  GatewayClass: "gatewayclasses", BackendTLSPolicy: "backendtlspolicies",
  ServiceEntry: "serviceentries", WorkloadEntry: "workloadentries",
};

function pathOf({ kind, manifest }: Case): string {
  const scope = kinds.find((k) => k.kind === kind)?.scope;
  const version = String(manifest.apiVersion);
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`;
  return `${version.includes("/") ? "/apis" : "/api"}/${version}`
    + `${scope === "Cluster" ? "" : "/namespaces/default"}/${plural}`
    + "?dryRun=All&fieldValidation=Strict";
}

/** Where a message holds what the causes do not: the fields that could not be read. */
const inMessages: readonly (readonly [RegExp, string])[] = [
  [/unknown field "([^"]+)"/g, "UnknownField "],
  [/Go struct field ObjectMeta\.(?:metadata\.)?([\w.]+) of type/g, "WrongType metadata."],
  [/Go struct field (?!ObjectMeta)\w+\.([\w.]+) of type/g, "WrongType "],
];

function causesOf(status: Status): readonly string[] {
  const causes = (status.details?.causes ?? []).map((c) =>
    `${c.reason ?? ""} ${c.field === "<nil>" ? "" : c.field ?? ""}`.trim());
  for (const [pattern, reason] of inMessages) {
    for (const [, field] of (status.message ?? "").matchAll(pattern)) {
      causes.push(`${reason}${field}`);
    }
  }
  return causes.length > 0 ? [...new Set(causes)].sort() : [status.reason ?? "Unknown"];
}

async function ask(server: string, c: Case): Promise<Recorded> {
  const response = await fetch(server + pathOf(c), {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${process.env.FAIRLEAD_TOKEN ?? ""}`,
    },
    body: JSON.stringify(c.manifest),
  });
  const answer = (await response.json()) as Status;
  if (response.ok) return { ...c, accepted: true };
  if (![400, 409, 422].includes(response.status)) {
    throw new Error(`${c.kind} ${c.name}: ${response.status} ${answer.message ?? ""}`);
  }
  return { ...c, accepted: false, causes: causesOf(answer) };
}

async function main(): Promise<void> {
  const [server, ...wanted] = process.argv.slice(2);
  if (server === undefined) throw new Error("usage: record.ts <server url> [kind]…");
  const table = new URL("api-server.json", import.meta.url);
  const before = wanted.length === 0 ? [] : JSON.parse(readFileSync(table, "utf8")) as Recorded[];
  const known = new Map(before.map((r) => [`${r.kind} ${r.name}`, r]));
  const recorded: Recorded[] = [];
  for (const c of allCases()) {
    const kept = wanted.includes(c.kind) ? undefined : known.get(`${c.kind} ${c.name}`);
    recorded.push(kept ?? await ask(server, c));
  }
  const lines = recorded.map((r) => JSON.stringify(r)).join(",\n");
  writeFileSync(table, `[\n${lines}\n]\n`);
  const accepted = recorded.filter((r) => r.accepted).length;
  process.stdout.write(`${accepted} accepted, ${recorded.length - accepted} refused\n`);
}

await main();
