// `fairlead check`, called as the command line calls it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run as check } from "../../compiler/commands/check.ts";
import type { Outcome } from "../../compiler/commands/command.ts";
import { gatewayOf, options, place } from "./world.ts";

const here = place();

const manifests = `${gatewayOf("istio")}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r }
spec:
  parentRefs: [{ name: g }]
  rules: [{ backendRefs: [{ name: s, port: 80 }] }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: d }
spec:
  host: s
  trafficPolicy:
    connectionPool: { tcp: { tcpKeepalive: { probes: 3 } } }
`;

async function run(text: string, values: Readonly<Record<string, string>>): Promise<Outcome> {
  await writeFile(join(here.folder, "in.yaml"), text);
  return check(options({ values }), here.io());
}

test("what a target does not carry out is told to whoever asks for that target", async () => {
  const told = async (target?: string): Promise<readonly unknown[]> => {
    const { diagnostics, exitCode } = await run(manifests, target ? { target } : {});
    expect(exitCode).toBe(0);
    return diagnostics.map(({ code, path }) => [code, path]);
  };
  expect(await told()).toEqual([]);
  expect(await told("envoy")).toEqual([]);
  expect(await told("envoy,edge")).toEqual([
    ["FL0407", "spec.trafficPolicy.connectionPool.tcp.tcpKeepalive"],
  ]);
});

test("a target that there is not is wrong usage", async () => {
  const { exitCode, message } = await run(manifests, { target: "edge,moon" });
  expect([exitCode, message]).toEqual([2, expect.stringContaining("there is no target `moon`")]);
});

test("with errors in the input only those are told", async () => {
  const { diagnostics, exitCode } = await run(
    manifests.replace("{ name: s, port: 80 }", "{ name: t, port: 80 }"), { target: "edge" });
  expect([exitCode, diagnostics.map(({ code }) => code)]).toEqual([1, ["FL0204"]]);
});
