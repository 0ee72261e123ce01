// What real Istio made of our manifests (recorded/), in a real Envoy with the filter of today.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { envoyOrReason } from "../envoy/binary.ts";
import { buildToy, steeringSource } from "../envoy/toy.ts";
import { ask } from "../envoy/world.ts";
import { makeCertificate } from "../middle/certificate.ts";
import { laws } from "./laws.ts";
import { comparable, recorded } from "./recorded.ts";
import { startRecorded, type Stage } from "./running.ts";
import { inputOf, scenarios } from "./scenarios.ts";
import { build, type Built } from "./world.ts";

const { reason } = await envoyOrReason();
const pair = makeCertificate("own.example");

function built(scenario: (typeof scenarios)[number]): Built {
  const { namespace } = scenario.gateway;
  const data = JSON.stringify({ "tls.crt": pair.certificate, "tls.key": pair.key });
  const secret = `
apiVersion: v1
kind: Secret
metadata: { name: pair, namespace: ${namespace} }
type: kubernetes.io/tls
stringData: ${data}`;
  return build(`${inputOf(scenario)}\n---${secret}`,
    { ...scenario.options, image: "oci://registry.example/filter:1" });
}

test.each(scenarios)("$name: Istio was given the manifests that we write today", (scenario) => {
  // Where they differ, translate/ has to be run again: see its README.md.
  expect(comparable(built(scenario).manifests)).toEqual(recorded(scenario.name).manifests);
});

describe.each(scenarios)(`$name, as Istio translates it${reason}`, (scenario) => {
  let stage: Stage | undefined;
  beforeAll(async () => {
    if (reason) return;
    const filterWasm = built(scenario).files.get("istio/filter.wasm")!;
    stage = await startRecorded(scenario, recorded(scenario.name), { filterWasm, pair });
  }, 60_000);
  afterAll(async () => {
    await stage?.close();
  });

  test.skipIf(reason).each(laws[scenario.name]!)("$name", async ({ holds }) => {
    await holds(stage!);
  }, 30_000);
});

describe(`what a client sees when the filter is not there, or not well${reason}`, () => {
  const canary = scenarios.find(({ name }) => name === "canary")!;

  test.skipIf(reason)("the image cannot be fetched: the agent's deny-all answers 403", async () => {
    const stage = await startRecorded(canary, recorded("canary"), {});
    try {
      const answer = await ask(stage.address, { headers: { host: "test.devopscube.com" } });
      expect([answer.status, answer.body]).toEqual([403, "RBAC: access denied"]);
    } finally {
      await stage.close();
    }
  }, 60_000);

  test.skipIf(reason)("a trap answers 503 until Istio pushes again", async () => {
    const steered = "outbound|80||backend-v1.istio-test.svc.cluster.local";
    const filterWasm = await buildToy(steeringSource(steered));
    const stage = await startRecorded(canary, recorded("canary"), { filterWasm });
    const statusOf = async (headers = {}): Promise<number> => (await ask(
      stage.address, { headers: { host: "test.devopscube.com", ...headers } })).status;
    try {
      expect(await statusOf()).toBe(200);
      expect(await statusOf({ "x-trap": "1" })).toBe(503);
      expect(await statusOf()).toBe(503);
    } finally {
      await stage.close();
    }
  }, 60_000);

  test.skipIf(reason)("a table that is refused is never served", async () => {
    const filterWasm = Buffer.from(built(canary).files.get("istio/filter.wasm")!);
    const at = filterWasm.indexOf("FLRT") + 100;
    filterWasm[at] = filterWasm[at]! ^ 1;
    await expect(startRecorded(canary, recorded("canary"), { filterWasm })).rejects.toThrow(
      "Unable to create Wasm plugin");
  }, 60_000);
});
