// Where endpoints are, seen from where the Gateway is: the share of each locality and who stands in
// for whom, as Istio works it out for a proxy (its networking/core/loadbalancer). Istio knows where
// each proxy runs; here it is said once, with `--locality`.

import type { ClusterPolicy, EndpointAddress } from "../ir.ts";
import { compareText } from "../order.ts";
import type { LocalityLbSetting, ServiceSpec, ZoneAwareLbSetting } from "../resources.ts";

type Labels = Readonly<Record<string, string>>;

export interface Located {
  readonly address: string;
  readonly port: number;
  readonly labels?: Labels;
  readonly locality?: string;
  readonly weight?: number;
}

/** Where the Gateway is, and what its pods are called. */
export interface Vantage {
  readonly locality: string;
  readonly labels: Labels;
}

/** What counts for a cluster, once rule, Service and Istio's own defaults were asked. */
export type Steering =
  | {
    readonly kind: "locality"; readonly setting: LocalityLbSetting;
    /** Endpoints stand in for others even where nobody finds out that these have failed. */
    readonly force: boolean;
  }
  | { readonly kind: "zone"; readonly setting: ZoneAwareLbSetting };

const network = "topology.istio.io/network";
const region = "topology.kubernetes.io/region";
const zone = "topology.kubernetes.io/zone";
const subzone = "topology.istio.io/subzone";

const preferred: Readonly<Record<string, readonly string[]>> = {
  PreferClose: [network, region, zone],
  PreferSameZone: [network, region, zone],
  PreferSameNode: [network, region, zone, subzone, "kubernetes.io/hostname"],
};

/** A rule's setting counts over the Service's, and that over Istio's default: nearby first. */
export function steering(
  rule: { readonly localityLbSetting?: LocalityLbSetting;
    readonly zoneAwareLbSetting?: ZoneAwareLbSetting } | undefined,
  service: Pick<ServiceSpec, "trafficDistribution">,
): Steering | undefined {
  const { localityLbSetting, zoneAwareLbSetting } = rule ?? {};
  if (zoneAwareLbSetting) {
    return zoneAwareLbSetting.enabled === false
      ? undefined : { kind: "zone", setting: zoneAwareLbSetting };
  }
  if (localityLbSetting) {
    return localityLbSetting.enabled === false
      ? undefined : { kind: "locality", setting: localityLbSetting, force: false };
  }
  const failoverPriority = preferred[service.trafficDistribution ?? ""];
  return { kind: "locality", setting: failoverPriority ? { failoverPriority } : {},
    force: failoverPriority !== undefined };
}

function partsOf(locality: string | undefined): readonly [string, string, string] {
  const [first = "", second = "", third = ""] = (locality ?? "").split("/");
  return [first, second, third];
}

/** An endpoint of the Gateway's own zone is in its region, even where only the zone is known. */
function placed(workload: Located, { locality }: Vantage): Located {
  const [ownRegion, ownZone] = partsOf(locality);
  const [at, inZone, inSubzone] = partsOf(workload.locality);
  if (at !== "" || inZone === "" || inZone !== ownZone) return workload;
  const whole = [ownRegion, inZone, inSubzone].join("/").replace(/\/+$/, "");
  return { ...workload, locality: whole };
}

function matches(locality: string, pattern: string): boolean {
  const parts = partsOf(locality);
  return partsOf(pattern).every((wanted, i) =>
    wanted === "*" || wanted === parts[i] || (wanted === "" && i > 0));
}

/** How far away: 0 the same place, 1 the same zone, 2 the same region, 3 elsewhere. */
function distance(from: string, to: string | undefined): number {
  const [a, b] = [partsOf(from), partsOf(to)];
  if (a[0] !== b[0]) return 3;
  if (a[1] !== b[1]) return 2;
  return a[2] === b[2] ? 0 : 1;
}

function labelsOf({ labels = {}, locality }: Pick<Located, "labels" | "locality">): Labels {
  const parts = partsOf(locality);
  const known = [region, zone, subzone]
    .flatMap((name, i) => (parts[i] ? [[name, parts[i]]] : []));
  return { ...labels, ...Object.fromEntries(known) };
}

/** By how many of the labels, in their order, an endpoint is as the Gateway is. */
function byLabels(workload: Located, vantage: Vantage, priority: readonly string[]): number {
  const [own, other] = [labelsOf(vantage), labelsOf(workload)];
  const skipsNetwork = priority[0] === network;
  let adjust = 0;
  for (const [index, written] of priority.entries()) {
    const [label = "", value] = written.split("=");
    if ((value ?? own[label] ?? "") === (other[label] ?? "")) continue;
    if (index === 0 && skipsNetwork) {
      adjust = priority.length;
      continue;
    }
    return priority.length - index + adjust;
  }
  return adjust;
}

/** Priorities in use, without gaps. */
function dense(priorities: readonly number[]): readonly number[] {
  const used = [...new Set(priorities)].sort((a, b) => a - b);
  return priorities.map((p) => used.indexOf(p));
}

type Failover = readonly { readonly from?: string; readonly to?: string }[];

/** One more step away where the rule sends the Gateway's region to another one than this. */
function byDistance(workload: Located, { locality }: Vantage, failover: Failover): number {
  const far = distance(locality, workload.locality);
  if (far < 3) return far;
  const own = failover.find(({ from }) => from === partsOf(locality)[0]);
  return own && own.to !== partsOf(workload.locality)[0] ? 4 : 3;
}

function byRegion(workload: Located, { locality }: Vantage, failover: Failover): number {
  const [own] = partsOf(locality);
  const [at] = partsOf(workload.locality);
  if (at === own) return 0;
  return failover.find(({ from }) => from === own)?.to === at ? 1 : 2;
}

function priorities(
  found: readonly Located[], vantage: Vantage, steering: Steering,
): readonly number[] {
  const { failover = [], failoverPriority = [] } = steering.setting;
  const first = dense(found.map((w) => byLabels(w, vantage, failoverPriority)));
  if (steering.kind === "zone") {
    return dense(found.map((w, i) => (first[i] ?? 0) * 3 + byRegion(w, vantage, failover)));
  }
  if (failoverPriority.length > 0 && failover.length === 0) return first;
  return dense(found.map((w, i) => (first[i] ?? 0) * 5 + byDistance(w, vantage, failover)));
}

export interface Placement {
  readonly addresses: readonly EndpointAddress[];
  readonly localityWeights?: ClusterPolicy["localityWeights"];
}

function addressOf(workload: Located, priority: number): EndpointAddress {
  const { address, port, weight, locality } = workload;
  return {
    address, port,
    ...(weight === undefined ? {} : { weight }), ...(locality ? { locality } : {}),
    ...(priority > 0 ? { priority } : {}),
  };
}

type Distribute = NonNullable<LocalityLbSetting["distribute"]>[number];

/** Shares of one target that several localities match are split by what these weigh. */
function shared(found: readonly Located[], { to = {} }: Distribute): Placement {
  const open = new Map<string, number>();
  for (const { locality = "", weight = 1 } of found) {
    open.set(locality, (open.get(locality) ?? 0) + weight);
  }
  const weights = new Map<string, number>();
  // Istio's own order is that of a Go map; the more specific target first is what is meant.
  const targets = Object.entries(to).sort(([a], [b]) =>
    b.split("/").length - a.split("/").length || compareText(b, a));
  for (const [pattern, share] of targets) {
    const taken = [...open].filter(([locality]) => matches(locality, pattern));
    const total = taken.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [locality, weight] of taken) {
      open.delete(locality);
      if (share > 0) weights.set(locality, Math.ceil((weight * share) / total));
    }
  }
  return {
    addresses: found.filter(({ locality = "" }) => weights.has(locality))
      .map((workload) => addressOf(workload, 0)),
    localityWeights: [...weights].map(([locality, weight]) => ({ locality, weight }))
      .sort((a, b) => compareText(a.locality, b.locality)),
  };
}

/** Without a vantage, or a reason to look at it, all endpoints are alike. */
export function place(
  found: readonly Located[], vantage: Vantage | undefined, how: Steering | undefined,
  ejects: boolean,
): Placement {
  if (!vantage || !how) {
    return { addresses: found.map(({ locality: _, ...rest }) => addressOf(rest, 0)) };
  }
  const at = found.map((workload) => placed(workload, vantage));
  if (how.kind === "locality" && how.setting.distribute?.length) {
    const own = how.setting.distribute
      .find(({ from = "" }) => matches(vantage.locality, from));
    return own ? shared(at, own) : { addresses: at.map((w) => addressOf(w, 0)) };
  }
  // Whoever never finds out that an endpoint has failed never turns to another.
  const fails = how.kind === "zone" || how.force || ejects;
  const ranks = fails ? priorities(at, vantage, how) : [];
  return { addresses: at.map((workload, i) => addressOf(workload, ranks[i] ?? 0)) };
}
