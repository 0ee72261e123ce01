// The edge target: a folder that `wrangler deploy` takes as it stands. The worker is bundled and
// the core compiled already; only the table, the configuration and wrangler.jsonc are the user's.
//
// Of a DestinationRule's fields the worker carries out balancing, limits, timeouts, ejection and
// the PROXY protocol, each within one isolate; edge-policy.ts says which it cannot.

import { edgeConfig, type EdgeConfig } from "../../runtime/edge/config.ts";
import { compatibilityDate, compatibilityFlags } from "../../runtime/edge/platform.ts";
import type { Diagnostic } from "../diagnostic.ts";
import type { Ir, RoutePolicy } from "../ir.ts";
import { textArtifact, type Artifact, type Json } from "./artifact.ts";
import { platformGaps } from "./edge/gaps.ts";
import { gatewaysOnly, meshGaps } from "./mesh-gaps.ts";

export interface EdgeInput {
  readonly ir: Ir;
  /** The plan's; index 0 asks for nothing. */
  readonly routePolicies?: readonly RoutePolicy[];
  /** routes.flt */
  readonly table: Uint8Array;
  /** core.wasm */
  readonly core: Uint8Array;
  /** The bundle of runtime/edge/worker.ts. */
  readonly worker: string;
  /** Isolates share ejections and limits through Durable Objects. */
  readonly sharedState?: boolean;
}

export interface Emitted {
  readonly artifacts: readonly Artifact[];
  readonly diagnostics: readonly Diagnostic[];
}

export function emitEdge(
  { ir: whole, routePolicies, table, core, worker, sharedState }: EdgeInput,
): Emitted {
  const ir = gatewaysOnly(whole);
  const config = edgeConfig(ir, routePolicies);
  const artifacts = [
    textArtifact("edge/config.js", configModule(config)),
    { path: "edge/core.wasm", bytes: core },
    { path: "edge/routes.bin", bytes: table },
    textArtifact("edge/worker.js", worker),
    textArtifact("edge/wrangler.jsonc", wranglerText(config, sharedState === true)),
  ];
  return { artifacts, diagnostics: [...meshGaps(whole, "a worker"), ...platformGaps(ir)] };
}

/** One line a gateway port and a cluster, so that two builds can be compared line by line. */
function configModule(config: EdgeConfig): string {
  const lines = (values: readonly unknown[]): string =>
    values.map((value) => `\n    ${JSON.stringify(value)},`).join("");
  return "// Written by `fairlead build`, aligned with routes.bin.\n"
    + "export const config = {\n"
    + `  gatewayPorts: [${lines(config.gatewayPorts)}\n  ],\n`
    + `  clusters: [${lines(config.clusters)}\n  ],\n`
    + `  routePolicies: [${lines(config.routePolicies)}\n  ],\n};\n`;
}

/** The first Gateway is the configuration's own worker; each further one is an environment. */
function wranglerText(config: EdgeConfig, isShared: boolean): string {
  const gateways = [...new Set(config.gatewayPorts.map((port) => port.gateway))];
  const names = workerNames(gateways);
  // An environment inherits migrations, but neither variables nor bindings.
  const shared: { readonly [key: string]: Json } = isShared ? sharedObjects : {};
  const environments = gateways.slice(1).map((gateway): [string, Json] => {
    const name = names.get(gateway) ?? "";
    return [name, { name, vars: { FAIRLEAD_GATEWAY: gateway }, ...shared }];
  });
  const first = gateways[0];
  const json: Json = {
    name: (first === undefined ? undefined : names.get(first)) ?? "fairlead",
    main: "worker.js",
    compatibility_date: compatibilityDate,
    compatibility_flags: compatibilityFlags,
    send_metrics: false,
    vars: first === undefined ? undefined : { FAIRLEAD_GATEWAY: first },
    ...shared,
    migrations: isShared ? [{ tag: "v1", new_sqlite_classes: [sharedClass] }] : undefined,
    env: environments.length === 0 ? undefined : Object.fromEntries(environments),
  };
  const hint = environments.length === 0
    ? "// Deploy with `wrangler deploy`.\n"
    : "// Deploy each Gateway by itself: `wrangler deploy --env \"\"` for the first,\n"
      + "// `wrangler deploy --env NAME` for each of `env`.\n";
  return `// Written by \`fairlead build\`.\n${hint}${JSON.stringify(json, null, 2)}\n`;
}

/** What worker.js exports, and reads the binding of. */
const sharedClass = "SharedHealth";
const sharedObjects = {
  durable_objects: { bindings: [{ name: "FAIRLEAD_SHARED", class_name: sharedClass }] },
};

/** The platform's limit on a worker's name. */
const nameLengthMax = 54;

/** Names of workers: letters, digits and dashes. Where two would be the same, both get a suffix. */
function workerNames(gateways: readonly string[]): ReadonlyMap<string, string> {
  const plain = (gateway: string): string => gateway.replace(/[^a-z0-9]+/g, "-");
  return new Map(gateways.map((gateway) => {
    const name = plain(gateway);
    const isUnique = gateways.filter((g) => plain(g) === name).length === 1;
    if (isUnique && name.length <= nameLengthMax) return [gateway, name];
    return [gateway, `${name.slice(0, nameLengthMax - 9)}-${fingerprint(gateway)}`];
  }));
}

/** FNV-1a, 32 bits: the suffix depends on this Gateway alone, not on its neighbours. */
function fingerprint(text: string): string {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}
