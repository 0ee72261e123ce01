// What `fairlead dev` tells its user: where it listens, what it serves, and a line to try it with.

import type {
  Ir, PathMatch, RouteMatch, Rule, ValueMatch, VirtualHost,
} from "../../compiler/ir.ts";
import type { Served } from "./contract.ts";

/** More routes than fit on a screen say nothing. */
const routesMax = 20;

export function summary(ir: Ir, served: Served): string {
  const lines: string[] = [];
  let shown = 0;
  let hidden = 0;
  for (const gatewayPort of ir.gatewayPorts) {
    const gateway = `${gatewayPort.gateway.namespace}/${gatewayPort.gateway.name}`;
    const address = addressOf(served, gateway, gatewayPort.port);
    const at = address === undefined
      ? `not served here: ${gatewayPort.protocol} needs certificates`
      : `http://${address}`;
    lines.push(`${gateway} port ${gatewayPort.port}  ${at}`);
    for (const host of gatewayPort.virtualHosts) {
      // Services of the mesh without a route are as they were.
      const matches = host.matches.filter(({ rule }) => rule.route.kind !== "Service");
      const fitting = matches.slice(0, Math.max(0, routesMax - shown));
      shown += fitting.length;
      hidden += matches.length - fitting.length;
      if (fitting.length > 0) lines.push(`  ${host.hostname}`);
      for (const match of fitting) {
        lines.push(`    ${matchText(match)} → ${ruleText(ir, match.rule)}`);
      }
    }
  }
  if (hidden > 0) lines.push(`  … and ${hidden} more routes`);
  const line = tryLine(ir, served);
  if (line !== undefined) lines.push("", `try: ${line}`);
  return lines.join("\n");
}

function addressOf(served: Served, gateway: string, port: number): string | undefined {
  return served.listeners.find((l) => l.gateway === gateway && l.port === port)?.address;
}

function matchText(match: RouteMatch): string {
  const text = ({ name, kind, value }: ValueMatch, equals: string): string =>
    `${name}${kind === "regex" ? "~" : equals}${value}`;
  const query = match.queryParams.map((q) => `?${text(q, "=")}`);
  const headers = match.headers.map((h) => `[${text(h, ": ")}]`);
  const parts = [match.method, pathText(match.path), ...query, ...headers];
  return parts.filter((part) => part !== undefined).join(" ");
}

function pathText({ kind, value }: PathMatch): string {
  return kind === "exact" ? value : kind === "prefix" ? `${value}/*` : `~${value}`;
}

function ruleText(ir: Ir, { action, route }: Rule): string {
  const name = `(${route.kind} ${route.namespace}/${route.name})`;
  if (action.kind === "redirect") return `redirect ${action.statusCode} ${name}`;
  const total = action.backends.reduce((sum, b) => sum + b.weight, 0);
  if (total === 0) return `500: no valid backend ${name}`;
  const backends = action.backends.map(({ weight, cluster }) => {
    const to = cluster === undefined ? undefined : ir.clusters[cluster];
    const percent = Math.round((1000 * weight) / total) / 10;
    const share = action.backends.length === 1 ? "" : ` ${percent}%`;
    return `${to === undefined ? "500: invalid backend" : `${to.service.name}:${to.port}`}${share}`;
  });
  return `${backends.join(", ")} ${name}`;
}

/** A request that reaches the first route that can be written as a plain curl line. */
function tryLine(ir: Ir, served: Served): string | undefined {
  for (const { gateway, port, virtualHosts } of ir.gatewayPorts) {
    const address = addressOf(served, `${gateway.namespace}/${gateway.name}`, port);
    const host = virtualHosts.find((h) => h.matches.some(isPlain));
    const match = host?.matches.find(isPlain);
    if (address === undefined || host === undefined || match === undefined) continue;
    const local = address.replace(/^127\.0\.0\.1:/, "localhost:");
    const url = `${local}${match.path.value || "/"}`;
    const name = exampleHost(host);
    return `curl ${name === undefined ? "" : `-H 'Host: ${name}' `}http://${url}`;
  }
  return undefined;
}

function isPlain(match: RouteMatch): boolean {
  const isGet = match.method === undefined || match.method === "GET";
  const conditions = match.headers.length + match.queryParams.length;
  return isGet && conditions === 0 && match.path.kind !== "regex";
}

function exampleHost({ hostname }: VirtualHost): string | undefined {
  return hostname === "*" ? undefined : hostname.replace(/^\*\./, "www.");
}
