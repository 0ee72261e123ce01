// Which endpoint takes a request, as Envoy decides it. Deterministic: chance, time and health come
// in from outside.
//
//   priority   as much as it has health (priorities.ts); of the key where endpoints are hashed
//   locality   only where the policy weighs them: in turns, by weight and health
//   endpoint   ROUND_ROBIN    in turns; of unequal weight by the earliest deadline (schedule.ts)
//              LEAST_REQUEST  the less busy of two drawn by chance; of unequal weight in turns,
//                             with weight / (requests under way + 1)
//              RANDOM         by chance alone; weights do not count
//              hashed         by ring or table (ring.ts), retries as well; without a key by chance
//
// A new endpoint's weight grows while it warms up. Random draws are the only part in which two
// runs may differ, and as in Envoy each isolate begins its turns somewhere else.

import type { ClusterPolicy } from "../../../compiler/ir.ts";
import { choose, overprovisioning, spread, type Load } from "./priorities.ts";
import { buildMaglev, buildRing, type Lookup, type Weighed } from "./ring.ts";
import { nextTurn, startSchedule, type Schedule } from "./schedule.ts";
import { remainder, type Hash64 } from "./xxhash.ts";

export interface Host {
  /** `address:port`, what consistent hashing goes by. */
  readonly key: string;
  readonly weight: number;
  /** `region/zone/subzone` */
  readonly locality: string;
  readonly priority: number;
}

/** Mutable: it is touched twice a request and may have many endpoints. */
export interface Balancer {
  readonly hosts: readonly Host[];
  readonly policy: ClusterPolicy;
  /** Requests under way, by endpoint. */
  readonly active: number[];
  /** When an endpoint was first seen here; NaN until the first pick after that. */
  readonly since: number[];
  readonly priorities: readonly HostSet[];
  /** Where the turns begin; drawn at the first pick. */
  seed: number | undefined;
  /** Where simple turns go on, by the set of endpoints that has them. */
  readonly cursors: Map<string, number>;
  view: View | undefined;
}

/** The endpoints of one priority. */
interface HostSet {
  readonly members: readonly number[];
  /** In Envoy's order. Empty where localities do not count. */
  readonly localities: readonly {
    readonly weight: number;
    readonly members: readonly number[];
  }[];
}

/** What is worked out once for as long as no endpoint's health changes. */
interface View {
  readonly version: number;
  readonly load: Load;
  readonly sets: readonly SetView[];
}

interface SetView {
  readonly all: Group;
  readonly localities: Localities | undefined;
  /** Of a hashing policy. */
  readonly lookup: Lookup | undefined;
}

interface Localities {
  readonly schedule: Schedule;
  /** By index as in the schedule; so are the weights. */
  readonly groups: readonly Group[];
  readonly weights: readonly number[];
}

/** Endpoints that share turns. */
interface Group {
  readonly name: string;
  readonly members: readonly number[];
  /** Where turns are not simple. */
  readonly schedule: Schedule | undefined;
}

/** A number in [0, 1), `Math.random` outside of tests. */
export type Chance = () => number;

/** Changes of health change the version. */
export interface Fitness {
  readonly version: number;
  isOut(endpoint: number): boolean;
}

export const allFit: Fitness = { version: 0, isOut: () => false };

export interface Asked {
  /** Of the request's key, for a hashing policy. */
  readonly hash?: Hash64;
  /** Endpoints that failed this request; others come first. */
  readonly failed?: ReadonlySet<number>;
}

export interface Surroundings {
  readonly fitness: Fitness;
  readonly chance: Chance;
  /** Milliseconds. */
  readonly now: number;
}

export function startBalancer(hosts: readonly Host[], policy: ClusterPolicy): Balancer {
  const numbers = [...new Set(hosts.map(({ priority }) => priority))].sort((a, b) => a - b);
  return {
    hosts, policy,
    active: hosts.map(() => 0),
    since: hosts.map(() => NaN),
    priorities: numbers.map((priority) => hostSet(hosts, priority, policy)),
    seed: undefined,
    cursors: new Map(),
    view: undefined,
  };
}

function hostSet(hosts: readonly Host[], priority: number, policy: ClusterPolicy): HostSet {
  const all = [...hosts.keys()].filter((i) => hosts[i]?.priority === priority);
  const weights = policy.localityWeights;
  if (weights === undefined) return { members: all, localities: [] };
  const names = new Set(all.map((i) => hosts[i]?.locality ?? ""));
  const localities = [...names].sort(byParts).map((name) => ({
    weight: weights.find(({ locality }) => locality === name)?.weight ?? 0,
    members: all.filter((i) => hosts[i]?.locality === name),
  })).filter(({ weight }) => weight > 0);
  // A locality without a share has no place here: it would look like one that happens to be down.
  return { members: localities.flatMap(({ members }) => members), localities };
}

/** By region, then zone, then subzone. */
function byParts(a: string, b: string): number {
  const [left, right] = [a.split("/"), b.split("/")];
  const differs = left.findIndex((part, i) => part !== right[i]);
  if (differs < 0) return left.length - right.length;
  return (left[differs] ?? "") < (right[differs] ?? "") ? -1 : 1;
}

/** More turns than that need not be thought of as past. */
const seedMax = 429_496_729;

/** How often Envoy looks for an endpoint that has not failed the request yet. */
const lookAgainMax = 5;

/** The endpoint that takes a request, or -1 where none may. */
export function pick(balancer: Balancer, asked: Asked, around: Surroundings): number {
  if (balancer.hosts.length === 0) return -1;
  const { failed } = asked;
  const view = viewOf(balancer, around);
  let last = pickOnce(balancer, view, asked, around);
  // As in Istio, a retry stays with the endpoint that its key leads to.
  if (failed === undefined || balancer.policy.consistentHash !== undefined) return last;
  for (let again = 0; last >= 0 && failed.has(last) && again < lookAgainMax; again += 1) {
    last = pickOnce(balancer, view, asked, around);
  }
  if (last < 0 || !failed.has(last)) return last;
  const isFresh = (endpoint: number): boolean =>
    !failed.has(endpoint) && !around.fitness.isOut(endpoint);
  const fresh = balancer.hosts.findIndex((_, endpoint) => isFresh(endpoint));
  return fresh < 0 ? last : fresh;
}

/** Counts a request as under way at the endpoint until `release`. */
export function occupy(balancer: Balancer, endpoint: number): void {
  balancer.active[endpoint] = (balancer.active[endpoint] ?? 0) + 1;
}

export function release(balancer: Balancer, endpoint: number): void {
  balancer.active[endpoint] = Math.max(0, (balancer.active[endpoint] ?? 0) - 1);
}

function pickOnce(
  balancer: Balancer, view: View, { hash }: Asked, around: Surroundings,
): number {
  const { chance } = around;
  if (balancer.policy.consistentHash !== undefined) {
    const own = hash ?? drawHash(chance);
    const set = view.sets[choose(view.load, remainder(own, 100))];
    return set?.lookup?.(own) ?? -1;
  }
  const percent = view.sets.length > 1 ? Math.floor(chance() * 100) : 0;
  const set = view.sets[choose(view.load, percent)];
  if (set === undefined) return -1;
  const { localities } = set;
  const group = localities === undefined
    ? set.all
    : localities.groups[nextTurn(localities.schedule, (i) => localities.weights[i] ?? 1)];
  return group === undefined ? -1 : pickOf(balancer, group, around);
}

function drawHash(chance: Chance): Hash64 {
  const draw = (): number => Math.floor(chance() * 0x100000000);
  return { high: draw(), low: draw() };
}

function pickOf(balancer: Balancer, group: Group, { chance, now }: Surroundings): number {
  const { members, schedule } = group;
  const method = balancer.policy.loadBalancer ?? "LEAST_REQUEST";
  if (members.length === 0) return -1;
  if (method === "RANDOM") return draw(members, chance);
  if (schedule !== undefined) {
    const turn = nextTurn(schedule, (i) => weightOf(balancer, members[i] ?? 0, now));
    return members[turn] ?? -1;
  }
  if (method === "ROUND_ROBIN") {
    const cursor = balancer.cursors.get(group.name) ?? balancer.seed ?? 0;
    balancer.cursors.set(group.name, (cursor + 1) % 0x100000000);
    return members[cursor % members.length] ?? -1;
  }
  const first = draw(members, chance);
  const second = draw(members, chance);
  return (balancer.active[second] ?? 0) < (balancer.active[first] ?? 0) ? second : first;
}

function draw(members: readonly number[], chance: Chance): number {
  return members[Math.floor(chance() * members.length)] ?? -1;
}

/** What an endpoint counts for just now. */
function weightOf(balancer: Balancer, endpoint: number, now: number): number {
  const weight = balancer.hosts[endpoint]?.weight ?? 1;
  const share = balancer.policy.loadBalancer === "ROUND_ROBIN"
    ? weight
    : weight / ((balancer.active[endpoint] ?? 0) + 1);
  return share * warmth(balancer, endpoint, now);
}

/** The part of its weight that a new endpoint has already; Envoy's slow start. */
function warmth({ policy: { warmup }, since }: Balancer, endpoint: number, now: number): number {
  const age = now - (since[endpoint] ?? 0);
  if (warmup === undefined || !(age < warmup.durationMs)) return 1;
  const time = Math.max(1, age) / warmup.durationMs;
  return Math.max(time ** (1 / warmup.aggression), warmup.minimumPercent / 100);
}

function viewOf(balancer: Balancer, around: Surroundings): View {
  const { fitness, chance, now } = around;
  if (balancer.view?.version === fitness.version) return balancer.view;
  balancer.seed ??= Math.floor(chance() * seedMax);
  balancer.since.forEach((since, i) => { if (Number.isNaN(since)) balancer.since[i] = now; });
  const isFit = (endpoint: number): boolean => !fitness.isOut(endpoint);
  const { policy, priorities } = balancer;
  const load = spread(
    priorities.map(({ members }) =>
      ({ total: members.length, healthy: members.filter(isFit).length })),
    policy.outlierDetection?.minHealthPercent ?? 0);
  const sets = priorities.map((set, index) =>
    setView(balancer, set, index, load.panic[index] === true ? undefined : isFit, now));
  balancer.view = { version: fitness.version, load, sets };
  return balancer.view;
}

/** Without `isFit` the priority is in panic: any endpoint will do, and localities do not count. */
function setView(
  balancer: Balancer, set: HostSet, index: number,
  isFit: ((endpoint: number) => boolean) | undefined, now: number,
): SetView {
  const { consistentHash } = balancer.policy;
  const members = isFit === undefined ? set.members : set.members.filter(isFit);
  if (consistentHash !== undefined) {
    const weighed = shares(balancer.hosts, set, isFit ?? (() => true));
    const { algorithm } = consistentHash;
    const lookup = algorithm.kind === "ringHash"
      ? buildRing(weighed, algorithm.minimumRingSize)
      : buildMaglev(weighed, algorithm.tableSize);
    return { all: { name: "", members, schedule: undefined }, localities: undefined, lookup };
  }
  if (isFit === undefined) {
    const all = group(balancer, `${index} in panic`, members, now);
    return { all, localities: undefined, lookup: undefined };
  }
  const all = group(balancer, String(index), members, now);
  return { all, localities: localitiesOf(balancer, set, index, isFit, now), lookup: undefined };
}

function localitiesOf(
  balancer: Balancer, { localities }: HostSet, index: number, isFit: (i: number) => boolean,
  now: number,
): SetView["localities"] {
  const fit = localities.map(({ weight, members }, i) => {
    const own = members.filter(isFit);
    const health = Math.min(1, (overprovisioning / 100) * (own.length / members.length));
    return { share: weight * health, group: group(balancer, `${index}/${i}`, own, now) };
  }).filter(({ share }) => share > 0);
  if (fit.length === 0) return undefined;
  const weights = fit.map(({ share }) => share);
  return {
    schedule: startSchedule(weights, balancer.seed),
    weights,
    groups: fit.map((locality) => locality.group),
  };
}

function group(
  balancer: Balancer, name: string, members: readonly number[], now: number,
): Group {
  const weights = members.map((endpoint) => balancer.hosts[endpoint]?.weight ?? 1);
  const isWarming = members.some((endpoint) => warmth(balancer, endpoint, now) < 1);
  const isEqual = weights.every((weight) => weight === weights[0]) && !isWarming;
  if (members.length < 2 || isEqual) return { name, members, schedule: undefined };
  const current = members.map((endpoint) => weightOf(balancer, endpoint, now));
  return { name, members, schedule: startSchedule(current, balancer.seed) };
}

/** Each endpoint's share of all keys: its locality's, where those are weighed, by its weight. */
function shares(
  hosts: readonly Host[], set: HostSet, isFit: (i: number) => boolean,
): readonly Weighed[] {
  const localities = set.localities.length === 0
    ? [{ weight: 1, members: set.members }]
    : set.localities;
  const sum = localities.reduce((total, { weight }) => total + weight, 0);
  return localities.flatMap(({ weight, members }) => {
    const own = members.filter(isFit);
    const all = own.reduce((total, i) => total + (hosts[i]?.weight ?? 1), 0);
    return own.map((endpoint): Weighed => ({
      endpoint,
      key: hosts[endpoint]?.key ?? "",
      weight: ((hosts[endpoint]?.weight ?? 1) * (weight / sum)) / all,
    }));
  });
}
