// An Envoy whose filter is a toy: it takes the cluster and the policy that the test names, so that
// nothing but Envoy's routes is looked at.

import type { Cluster, RoutePolicy } from "../../compiler/ir.ts";
import { policyName } from "../../compiler/table/policy-name.ts";
import type { Admin } from "../../runtime/envoy/admin.ts";
import { startEnvoy } from "../../runtime/envoy/process.ts";
import { buildToy, pickingSource } from "./toy.ts";
import { ask, cluster, gatewayPort, ir, staticConfig, type Answer, type Ask } from "./world.ts";

export interface Picked<Name extends string> {
  readonly address: string;
  readonly admin: Admin;
  /** The headers that pick a policy, and the cluster of a service. */
  pick(policy: Name, to?: string): Record<string, string>;
  send(policy: Name, request?: Ask, to?: string): Promise<Answer>;
  stop(): Promise<void>;
}

/** The first policy has to be the one that asks for nothing. */
export async function startPicked<Name extends string>(
  policies: Readonly<Record<Name, RoutePolicy>>, clusters: readonly Cluster[],
): Promise<Picked<Name>> {
  const routed = ir([gatewayPort("shop", 80)], clusters);
  const config = staticConfig(routed, await buildToy(pickingSource),
    { routePolicies: Object.values(policies) });
  const envoy = await startEnvoy({ config });
  const address = (await envoy.admin.listeners()).get("demo/shop:80")!;
  const pick = (policy: Name, to = "one"): Record<string, string> => {
    const name = policyName(policies[policy], (index) => clusters[index]?.name);
    return { "x-pick-cluster": cluster(to, []).name, ...(name && { "x-pick-policy": name }) };
  };
  return {
    address,
    admin: envoy.admin,
    pick,
    send: (policy, { headers, ...more } = {}, to) =>
      ask(address, { ...more, headers: { ...headers, ...pick(policy, to) } }),
    stop: () => envoy.stop(),
  };
}
