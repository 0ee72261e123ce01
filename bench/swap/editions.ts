// Tables without end, each another one: the same routes, and one whose path tells the edition.

import { compile, type Compilation } from "../../compiler/compile.ts";
import type { Ir, RouteMatch } from "../../compiler/ir.ts";
import { rank } from "../../compiler/rank.ts";
import { encode } from "../../compiler/table/encode.ts";
import { plan } from "../../compiler/table/plan.ts";
import { manifests } from "../envoy/workload.ts";

export interface Edition {
  readonly ir: Ir;
  readonly routePolicies: Compilation["plan"]["routePolicies"];
  readonly table: Uint8Array;
  /** Answered with 200 by this edition, and with 404 by any other. */
  readonly path: string;
}

/** `upstreamPort` is of what answers all requests. */
export function editions(routes: number, upstreamPort: number): (number: number) => Edition {
  const text = manifests(routes, upstreamPort);
  const { ir } = compile([{ path: "routes.yaml", text }]);
  return (number) => {
    const path = `/edition-${number}`;
    const added = rank({
      ...ir,
      gatewayPorts: ir.gatewayPorts.map((port) => ({
        ...port,
        virtualHosts: port.virtualHosts.map((host) =>
          ({ ...host, matches: [...host.matches, ...host.matches.slice(0, 1).map(at(path))] })),
      })),
    });
    const planned = plan(added).plan;
    return { ir: added, routePolicies: planned.routePolicies, table: encode(planned), path };
  };
}

function at(path: string): (match: RouteMatch) => RouteMatch {
  return (match) => ({ ...match, path: { kind: "prefix", value: path } });
}
