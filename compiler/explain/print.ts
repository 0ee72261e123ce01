// An explanation as text for people and as JSON for tools; both say the same.

import type { RouteMatch } from "../ir.ts";
import { formatSpan, positionAt, type Span } from "../source.ts";
import { describeMatch, describeOrigin } from "./describe.ts";
import type { BackendShare, Explanation } from "./explain.ts";
import type { AskedRequest } from "./request.ts";

export function explanationText(asked: AskedRequest, explanations: readonly Explanation[]): string {
  const { request } = asked;
  const headers = request.headers.map(([name, value]) => `  ${name}: ${value}`).join("");
  const head = `${request.method} ${asked.url}${headers}`;
  return [head, ...explanations.map((e) => textOf(asked, e))].join("\n\n") + "\n";
}

function textOf(asked: AskedRequest, explanation: Explanation): string {
  const { gatewayPort, virtualHost, chosen } = explanation;
  const { gateway, port } = gatewayPort;
  const rows: (readonly [string, string])[] = [
    ["Gateway", `${gateway.namespace}/${gateway.name}, port ${port}`],
    ["Listener", virtualHost?.listener ?? "none"],
    ["Hostname", virtualHost?.hostname ?? `none takes \`${asked.request.authority ?? ""}\``],
  ];
  if (chosen) {
    rows.push(
      ["Match", `${describeOrigin(chosen)}: ${describeMatch(chosen)}`],
      ["", formatSpan(chosen.origin)],
    );
  }
  const label = Math.max(...rows.map(([name]) => name.length)) + 2;
  const lines = rows.map(([name, value]) => `${name.padEnd(label)}${value}`);
  lines.push(...outcomeLines(explanation, label));
  lines.push(...widerLines(explanation), ...candidateLines(explanation));
  return lines.join("\n");
}

function outcomeLines({ outcome }: Explanation, label: number): string[] {
  const say = (text: string): string => `${"Answer".padEnd(label)}${text}`;
  if (outcome.kind === "no-match") return [say("404: no rule matches")];
  if (outcome.kind === "respond") return [say(`${outcome.status}: ${outcome.reason}`)];
  if (outcome.kind === "redirect") return [say(`redirect with status ${outcome.status}`)];
  return outcome.backends.map(
    (backend, i) => `${(i === 0 ? "Backends" : "").padEnd(label)}${backendText(backend)}`,
  );
}

function backendText({ share, cluster, status, origin }: BackendShare): string {
  const percent = `${Number((share * 100).toFixed(2))}%`.padStart(6);
  const target = cluster
    ? `Service ${cluster.service.namespace}/${cluster.service.name} port ${cluster.port}`
    : `${status}: the reference is invalid`;
  return `${percent}  ${target}  ${formatSpan(origin)}`;
}

function widerLines({ wider }: Explanation): string[] {
  if (!wider) return [];
  return [
    "",
    `A request never falls through to a wider hostname: \`${wider.virtualHost.hostname}\` has ` +
      `${describeOrigin(wider.match)}, which would match.`,
  ];
}

const marks = { chosen: "=>", outranked: "  ", "no-match": " x" } as const;

function candidateLines({ candidates, otherPaths }: Explanation): string[] {
  const lines = candidates.map(
    ({ match, state, reason }) =>
      `${marks[state]} ${describeOrigin(match)}: ${describeMatch(match)}` +
      (reason === undefined
        ? ""
        : `\n     ${state === "outranked" ? "lower precedence, " : ""}${reason}`) +
      `\n     ${formatSpan(match.origin)}`,
  );
  const others =
    otherPaths > 0
      ? [
          `   ${otherPaths} more that ${otherPaths === 1 ? "asks" : "ask"} for another path`,
        ]
      : [];
  return lines.length + others.length === 0
    ? []
    : ["", "Candidates, highest precedence first:", ...lines, ...others];
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

function placeOf(span: Span): Place {
  return { file: span.file.path, ...positionAt(span.file, span.start) };
}

/** Plain data, for `-o json`. */
export function explanationJson(
  asked: AskedRequest,
  explanations: readonly Explanation[],
): unknown {
  return {
    request: {
      method: asked.request.method,
      url: asked.url,
      authority: asked.request.authority,
      target: asked.request.target,
      headers: asked.request.headers,
    },
    gateways: explanations.map((e) => ({
      gateway: `${e.gatewayPort.gateway.namespace}/${e.gatewayPort.gateway.name}`,
      port: e.gatewayPort.port,
      listener: e.virtualHost?.listener ?? null,
      hostname: e.virtualHost?.hostname ?? null,
      match: e.chosen ? matchJson(e.chosen) : null,
      outcome: outcomeJson(e),
      candidates: e.candidates.map(({ match, state, reason }) => ({
        ...matchJson(match),
        state,
        ...(reason !== undefined && { reason }),
      })),
      otherPaths: e.otherPaths,
      ...(e.wider && {
        wider: { hostname: e.wider.virtualHost.hostname, match: matchJson(e.wider.match) },
      }),
    })),
  };
}

function matchJson(match: RouteMatch): Record<string, unknown> {
  const { route, ruleIndex, ruleName } = match.rule;
  return {
    route: { kind: route.kind, namespace: route.namespace, name: route.name },
    rule: ruleIndex,
    ...(ruleName !== undefined && { ruleName }),
    matchIndex: match.matchIndex,
    conditions: describeMatch(match),
    at: placeOf(match.origin),
  };
}

function outcomeJson({ outcome }: Explanation): unknown {
  if (outcome.kind !== "forward") return outcome;
  return {
    kind: "forward",
    backends: outcome.backends.map(({ cluster, weight, share, status, origin }) => ({
      weight,
      share,
      at: placeOf(origin),
      ...(cluster
        ? {
            service: `${cluster.service.namespace}/${cluster.service.name}`,
            port: cluster.port,
            cluster: cluster.name,
          }
        : { status }),
    })),
  };
}
