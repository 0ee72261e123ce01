// What a runner saw, held against what the scenario asks for.

import type { Seen } from "./echo.ts";
import type { Exchange, Expected, Fields, Request, Split } from "./scenario.ts";

/** What one request came to. A runner leaves out what it cannot know. */
export interface Observation {
  readonly status: number;
  /** The one that answered. */
  readonly backend?: string;
  readonly location?: string;
  /** Names in lower case. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly upstream?: Seen;
  readonly mirrored?: readonly string[];
  readonly attempts?: number;
  readonly grpcStatus?: number;
  readonly certificate?: string;
}

/** What of the expectations a runner can see. */
export interface Sight {
  readonly location: boolean;
  readonly traffic: boolean;
}

function fieldProblems(
  what: string, expected: Fields = {}, lines: readonly (readonly [string, string])[] = [],
): readonly string[] {
  return Object.entries(expected).flatMap(([name, value]) => {
    const found = lines.filter(([n]) => n === name.toLowerCase()).map(([, v]) => v);
    const text = found.length === 0 ? null : found.join(", ");
    return text === value ? [] : [`${what} ${name}: ${text}, not ${value}`];
  });
}

function upstreamProblems(expected: Expected["upstream"], seen: Seen | undefined): string[] {
  if (expected === undefined) return [];
  if (seen === undefined) return ["no backend says what it saw"];
  const problems = (["method", "path", "host"] as const).flatMap((part) =>
    (expected[part] === undefined || expected[part] === seen[part]
      ? [] : [`the backend saw ${part} ${seen[part]}, not ${expected[part]}`]));
  return [...problems, ...fieldProblems("the backend's", expected.headers, seen.headers)];
}

function exchangeProblems(
  { expect: expected }: Exchange, seen: Observation, sight: Sight,
): readonly string[] {
  const problems: string[] = [];
  const status = expected.status ?? 200;
  if (seen.status !== status) problems.push(`status ${seen.status}, not ${status}`);
  if (seen.backend !== expected.backend && (expected.backend !== undefined || seen.status < 400)) {
    problems.push(`backend ${seen.backend}, not ${expected.backend}`);
  }
  if (sight.location && seen.location !== expected.location) {
    problems.push(`location ${seen.location}, not ${expected.location}`);
  }
  if (!sight.traffic) return problems;
  for (const part of ["attempts", "grpcStatus", "certificate"] as const) {
    if (expected[part] === undefined || seen[part] === expected[part]) continue;
    problems.push(`${part} ${seen[part]}, not ${expected[part]}`);
  }
  const mirrored = [...(expected.mirrored ?? [])].sort().join();
  if ((seen.mirrored ?? []).join() !== mirrored) {
    problems.push(`copies to ${seen.mirrored?.join()}, not ${mirrored}`);
  }
  return [
    ...problems,
    ...fieldProblems("the response's", expected.headers, seen.headers),
    ...upstreamProblems(expected.upstream, seen.upstream),
  ];
}

/** How a row of answers is shared out: by backend, or by status where none answered. */
export function sharesOf(seen: readonly Observation[]): Readonly<Record<string, number>> {
  const shares: Record<string, number> = {};
  for (const { backend, status } of seen) {
    const key = backend ?? String(status);
    shares[key] = (shares[key] ?? 0) + 1;
  }
  return shares;
}

export function isSplit(request: Exchange | Split): request is Split {
  return "times" in request;
}

export function showRequest({ method = "GET", host, target, headers = [] }: Request): string {
  return [`${method} ${target}`, `Host: ${host}`, ...headers.map(([n, v]) => `${n}: ${v}`)]
    .join(", ");
}

function splitProblems(
  { session, shares, times }: Split, seen: readonly Observation[],
): readonly string[] {
  if (session !== undefined) {
    const found = sharesOf(seen);
    const isOne = Object.entries(found).some(([name, n]) => name in shares && n === times);
    return isOne ? [] : [`shares ${JSON.stringify(found)}, not all to one of a session`];
  }
  const sorted = (value: object): string =>
    JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const found = sorted(sharesOf(seen));
  return found === sorted(shares) ? [] : [`shares ${found}, not ${sorted(shares)}`];
}

/** What is wrong with the answers to one request of a scenario. */
export function judge(
  request: Exchange | Split, seen: readonly Observation[], sight: Sight,
): readonly string[] {
  const problems = isSplit(request) ? splitProblems(request, seen)
    : exchangeProblems(request, seen[0] ?? { status: 0 }, sight);
  return problems.map((problem) => `${showRequest(request)}: ${problem}`);
}
