// The core decides as the reference does, for every table and request fast-check can think of.

import fc from "fast-check";
import { expect, test } from "vitest";
import { NONE, VERDICT_NO_MATCH } from "../../filters/core/format.ts";
import { findMatch, findVirtualHost } from "../../compiler/reference.ts";
import { decide, irs, requests, world } from "./world.ts";

const tables = Number(process.env["FAIRLEAD_FUZZ_TABLES"] ?? 400);
const requestsPerTable = 40;

test("the core chooses the same match as the reference matcher", () => {
  let matched = 0;
  let unmatched = 0;
  fc.assert(
    fc.property(
      irs,
      fc.array(requests, { minLength: requestsPerTable, maxLength: requestsPerTable }),
      (ir, all) => {
        const { ir: ranked, plan, core } = world(ir);
        // Also as runs of requests for one host, of which the core and its caller know more.
        const run = all.map((request) => ({ ...request, authority: all[0]?.authority }));
        ranked.gatewayPorts.forEach((port, index) => {
          for (const request of [...all, ...run]) {
            const verdict = decide(core, index, request);
            const host = findVirtualHost(port, request.authority);
            const expected = host && findMatch(host, request);
            const got = verdict.match === NONE ? undefined : plan.origins.matches[verdict.match];
            expect(got?.rule.route.name, JSON.stringify(request)).toBe(expected?.rule.route.name);
            if (expected) matched += 1;
            else unmatched += 1;
            expect(verdict.kind === VERDICT_NO_MATCH).toBe(expected === undefined);
            expect(verdict.status).toBe(expected ? 500 : 404);
          }
        });
      },
    ),
    { numRuns: tables, seed: Number(process.env["FAIRLEAD_FUZZ_SEED"] ?? 20261121) },
  );
  // The generators collide enough for the property to mean something.
  expect(matched).toBeGreaterThan(tables * 5);
  expect(unmatched).toBeGreaterThan(tables * 5);
}, 600_000);
