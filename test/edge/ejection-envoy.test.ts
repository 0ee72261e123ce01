// Ejection in a real Envoy and in the edge's state machine, request by request: each gets what the
// other's endpoint answered.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { noPolicy, type OutlierDetection } from "../../compiler/ir.ts";
import { eject, isEjected, startEjection } from "../../runtime/edge/balancing/ejection.ts";
import { startFaulty, type Fault, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "../envoy/binary.ts";
import { startPicked, type Picked } from "../envoy/picked.ts";
import { cluster } from "../envoy/world.ts";

const { reason } = await envoyOrReason();

// No look at ended ejections within the test: times are the model's affair.
const times = { intervalMs: 600_000, baseEjectionTimeMs: 600_000 };
const policies: Readonly<Record<string, OutlierDetection>> = {
  "five-of-half": { ...times, consecutive5xxErrors: 5, maxEjectionPercent: 50 },
  "gateway": {
    ...times, consecutive5xxErrors: 0, consecutiveGatewayErrors: 2, maxEjectionPercent: 75,
  },
  "both": {
    ...times, consecutive5xxErrors: 4, consecutiveGatewayErrors: 3, maxEjectionPercent: 100,
  },
  "one-of-five": { ...times, consecutive5xxErrors: 1, maxEjectionPercent: 20 },
  "ten-percent": { ...times, consecutive5xxErrors: 1, maxEjectionPercent: 10 },
  "split": {
    ...times, consecutive5xxErrors: 3, consecutiveLocalOriginFailures: 1,
    splitExternalLocalOriginErrors: true, maxEjectionPercent: 60,
  },
};
const count = 5;

interface HostStatus {
  readonly address: { readonly socket_address: { readonly port_value: number } };
  readonly health_status: { readonly failed_outlier_check?: boolean };
}

interface Clusters {
  readonly cluster_statuses: readonly {
    readonly name: string;
    readonly host_statuses?: readonly HostStatus[];
  }[];
}

describe.skipIf(reason)(`ejection, against Envoy${reason}`, { timeout: 60_000 }, () => {
  const backends: FaultyBackend[] = [];
  let picked: Picked<"nothing">;

  beforeAll(async () => {
    for (let i = 0; i < count; i += 1) backends.push(await startFaulty(`b${i}`));
    const addresses = backends.map((backend) => backend.address);
    picked = await startPicked({ nothing: noPolicy }, Object.entries(policies).map(
      ([name, outlierDetection]) =>
        cluster(name, addresses, { loadBalancer: "ROUND_ROBIN", outlierDetection })));
  });
  afterAll(async () => {
    await picked?.stop();
    await Promise.all(backends.map((backend) => backend.close()));
  });

  async function ejectedBy(name: string): Promise<readonly number[]> {
    const all = await picked.admin.json("/clusters?format=json") as Clusters;
    const found = all.cluster_statuses.find((c) => c.name === cluster(name, []).name);
    const out = (found?.host_statuses ?? [])
      .filter(({ health_status: health }) => health.failed_outlier_check === true)
      .map(({ address }) => address.socket_address.port_value);
    return backends.flatMap(({ address }, i) => (out.includes(address.port) ? [i] : []));
  }

  test.each(Object.keys(policies))("%s: the same endpoints are out after each request",
    async (name) => {
      const policy = policies[name]!;
      let draw = 12_345;
      const faults = [200, 500, 500, 503, 502, 500, "reset"] as const;
      let state = startEjection(count, 0);
      for (let step = 0; step < 70; step += 1) {
        draw = (Math.imul(draw, 1_103_515_245) + 12_345) >>> 0;
        const fault = faults[(draw >>> 16) % faults.length]!;
        const script: Fault = fault === "reset"
          ? { kind: "reset" } : { kind: "answer", status: fault };
        for (const backend of backends) {
          backend.forget();
          backend.play([script]);
        }
        await picked.send("nothing", {}, name);
        const host = backends.findIndex(({ requests }) => requests.length > 0);
        // All are out: Envoy asks nobody.
        if (host < 0) break;
        state = eject(state, { kind: "connected", host }, policy, step);
        state = eject(state, fault === "reset"
          ? { kind: "failed", host } : { kind: "response", host, status: fault }, policy, step);
        const out = backends.flatMap((_, i) => (isEjected(state, i) ? [i] : []));
        // Envoy's threads tell one another in their own time, so that an endpoint may still be
        // asked after it was ejected; both count that as well.
        await expect.poll(() => ejectedBy(name), { timeout: 3_000 }).toEqual(out);
      }
    });
});
