// The tree that Envoy is given leads to the match that the reference matcher takes: carried out
// here as Envoy does, so that far more tables can be asked than an Envoy could be started with.

import fc from "fast-check";
import { expect, test } from "vitest";

import type { Choice } from "../../compiler/emit/envoy/native/choice.ts";
import { limitsOf } from "../../compiler/emit/envoy/native/limits.ts";
import { treeOf, type Tree } from "../../compiler/emit/envoy/native/tree.ts";
import type { RouteMatch, VirtualHost } from "../../compiler/ir.ts";
import { rank } from "../../compiler/rank.ts";
import { findMatch, obstacle, requestPath, type ReferenceRequest }
  from "../../compiler/reference.ts";
import { matchesWhole } from "../../compiler/regex/whole.ts";
import { irs, requests } from "../core/world.ts";

const tables = Number(process.env["FAIRLEAD_FUZZ_TABLES"] ?? 400);

/** As Envoy's matcher trees see it: the lines of a header joined by a comma. */
function joined({ headers }: ReferenceRequest, name: string): string | undefined {
  const lines = headers.filter(([n]) => n.toLowerCase() === name).map(([, value]) => value);
  return lines.length === 0 ? undefined : lines.join(",");
}

function decide(choice: Choice, request: ReferenceRequest): RouteMatch | undefined {
  if (choice.kind === "routes") {
    return choice.matches.find((match) => obstacle(match, request) === undefined);
  }
  const value = joined(request, choice.name);
  if (choice.kind === "values") {
    const inner = value === undefined ? undefined : choice.values.get(value);
    return decide(inner ?? choice.otherwise, request);
  }
  const holds = value !== undefined && matchesWhole(choice.value, value);
  return decide(holds ? choice.holds : choice.otherwise, request);
}

function find({ exact, prefixes, rest }: Tree, request: ReferenceRequest): RouteMatch | undefined {
  const text = `${requestPath(request.target)}/`;
  const one = exact.find(({ key }) => key === text);
  const longest = prefixes.filter(({ key }) => text.startsWith(key))
    .sort((a, b) => b.key.length - a.key.length)[0];
  return decide((one ?? longest)?.choice ?? rest, request);
}

function expressible(host: VirtualHost): VirtualHost {
  return { ...host, matches: host.matches.filter((match) => limitsOf(match).length === 0) };
}

test("the first route that fits in a leaf is the match that the reference takes", () => {
  const paths = requests.filter(({ target }) => target.startsWith("/"));
  let matched = 0;
  fc.assert(fc.property(irs, fc.array(paths, { minLength: 40, maxLength: 40 }), (ir, all) => {
    for (const host of rank(ir).gatewayPorts.flatMap((port) => port.virtualHosts)) {
      const own = expressible(host);
      const tree = treeOf(own);
      for (const request of all) {
        const wanted = findMatch(own, request)?.rule.route.name;
        expect(find(tree, request)?.rule.route.name, JSON.stringify(request)).toBe(wanted);
        if (wanted !== undefined) matched += 1;
      }
    }
  }), { numRuns: tables, seed: Number(process.env["FAIRLEAD_FUZZ_SEED"] ?? 20261121) });
  expect(matched).toBeGreaterThan(tables * 5);
}, 120_000);
