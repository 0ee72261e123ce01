// Routing without our filter: the same rules as Envoy's own virtual hosts. Envoy finds the virtual
// host by its domains and the leaf by a matcher tree; in a leaf its router takes the first route
// that fits. The listener is the one that serves the filter, with the filter taken out.

import { diagnostic, type Diagnostic } from "../../diagnostic.ts";
import type { GatewayPort, Ir, RouteMatch, VirtualHost } from "../../ir.ts";
import { covers } from "../../resolve/hostname.ts";
import type { Json } from "../artifact.ts";
import { matchRoutes, pathHeader, type LeafInput } from "./native/leaf.ts";
import { inexpressible, limitsOf, tooManyRoutes } from "./native/limits.ts";
import { expression } from "./native/path.ts";
import { splitHttpFilter } from "./native/redirect.ts";
import { listsOf, type Choice } from "./native/choice.ts";
import { routesMax, treeOf, type Leaf, type Tree } from "./native/tree.ts";
import { earlyMutation } from "./manager.ts";
import { internalHeaders } from "./names.ts";
import { entrances, type Entrance, type RouteInput } from "./routes.ts";

type Fields = { readonly [key: string]: Json };

/** What stands in the listener where the filter would, until it is taken out. */
export const placeholder: Fields = { name: "fairlead-filter" };

/** A listener that serves the filter, as one that does without it. */
export function nativeListener(
  listener: Fields, gatewayPort: GatewayPort | undefined, input: RouteInput,
): Fields {
  const chains = listener["filter_chains"] as readonly Fields[] | undefined;
  if (!gatewayPort || !chains) return listener;
  const byName = new Map(entrances(gatewayPort).map((entrance) => [entrance.name, entrance]));
  const convert = (filter: Fields): Fields => {
    const config = filter["typed_config"] as Fields;
    const entrance = byName.get(String(config["stat_prefix"]));
    return entrance && config["http_filters"]
      ? { ...filter, typed_config: nativeManager(config, entrance, gatewayPort, input) } : filter;
  };
  return {
    ...listener,
    filter_chains: chains.map((chain) =>
      ({ ...chain, filters: (chain["filters"] as readonly Fields[]).map(convert) })),
  };
}

function nativeManager(
  config: Fields, entrance: Entrance, gatewayPort: GatewayPort, input: RouteInput,
): Fields {
  const filters = config["http_filters"] as readonly Fields[];
  return {
    ...config,
    early_header_mutation_extensions: [pathMutation()],
    http_filters: [splitHttpFilter(), ...filters.filter((f) => f["name"] !== placeholder["name"])],
    route_config: config["route_config"] === undefined
      ? undefined : nativeRouteConfiguration(entrance, gatewayPort, input),
  };
}

/** Overwrites what a client may have sent under our names. */
function pathMutation(): Fields {
  const early = earlyMutation();
  const config = early["typed_config"] as Fields;
  const header = { key: pathHeader, value: "%PATH(NQ)%/" };
  return {
    ...early,
    name: "fairlead-path",
    typed_config: {
      ...config, mutations: [{ append: { header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" } }],
    },
  };
}

/** Envoy otherwise refuses expressions that are large for it, though they are no harder to run. */
export function nativeRuntime(): Fields {
  const static_layer = { "re2.max_program_size.error_level": 4294967295 };
  return { layers: [{ name: "fairlead", static_layer }] };
}

// --- Virtual hosts -------------------------------------------------------------------------------

export function nativeRouteConfiguration(
  { name, hostname, others }: Entrance, gatewayPort: GatewayPort, { clusters }: RouteInput,
): Fields {
  const input: LeafInput = { clusters, listener: gatewayPort };
  const own = others.length === 0 ? gatewayPort.virtualHosts
    : gatewayPort.virtualHosts.filter((h) => isServedBy(h.hostname, hostname, others));
  const known = new Set(own.map((h) => h.hostname));
  const foreign = others.filter((other) => !known.has(other));
  return {
    name,
    virtual_hosts: [
      ...own.map((host) => virtualHost(host, input)),
      ...(others.length > 0 && !known.has(hostname)
        ? [{ name: hostname, domains: domains(hostname) }] : []),
      ...(foreign.length > 0 ? [misdirected(foreign)] : []),
    ],
    // Once for all routes: Envoy holds what it is told once for each.
    request_headers_to_remove: [...internalHeaders, pathHeader, "x-envoy-external-address"],
    validate_clusters: false,
    ignore_port_in_host_matching: true,
  };
}

/** Whether no other listener's hostname is more specific for it. */
function isServedBy(hostname: string, listener: string, others: readonly string[]): boolean {
  return covers(listener, hostname) && !others.some((other) =>
    covers(other, hostname) && covers(listener, other));
}

/** See `misdirected` in routes.ts. */
function misdirected(others: readonly string[]): Fields {
  return {
    name: "misdirected",
    domains: others.flatMap(domains),
    routes: [{
      name: "fairlead-misdirected", match: { prefix: "/" }, direct_response: { status: 421 },
    }],
  };
}

/** With the dot of an absolute name and without; a wildcard takes an empty label too. */
function domains(hostname: string): readonly string[] {
  if (hostname === "*") return ["*"];
  const both = [hostname, `${hostname}.`];
  return hostname.startsWith("*.") ? [...both, ...both.map((name) => name.slice(1))] : both;
}

function virtualHost(host: VirtualHost, input: LeafInput): Fields {
  const common = { name: host.hostname, domains: domains(host.hostname) };
  const tree = treeOf(host);
  const { exact, prefixes, rest } = tree;
  if (tree.routes === 0) return common;
  if (exact.length + prefixes.length === 0 && rest.kind === "routes") {
    return { ...common, routes: routesFor(rest.matches, input) };
  }
  return { ...common, matcher: matcher(tree, input) };
}

/** Exact texts first, then what they begin with. */
function matcher({ exact, prefixes, rest }: Tree, input: LeafInput): Fields {
  const last = onChoice(rest, input);
  if (exact.length + prefixes.length === 0) return last?.["matcher"] as Fields;
  if (exact.length === 0) return mapMatcher("prefix_match_map", prefixes, last, input);
  const otherwise = prefixes.length === 0
    ? last : { matcher: mapMatcher("prefix_match_map", prefixes, last, input) };
  return mapMatcher("exact_match_map", exact, otherwise, input);
}

function mapMatcher(
  kind: "exact_match_map" | "prefix_match_map", leaves: readonly Leaf[],
  on_no_match: Fields | undefined, input: LeafInput,
): Fields {
  const map = Object.fromEntries(leaves.map(({ key, choice }) =>
    [key, onChoice(choice, input) ?? routeList([], input)]));
  return { matcher_tree: { input: headerInput(pathHeader), [kind]: { map } }, on_no_match };
}

/** The lines of a header as one list. */
function headerInput(name: string): Fields {
  return {
    name,
    typed_config: {
      "@type": "type.googleapis.com/envoy.type.matcher.v3.HttpRequestHeaderMatchInput",
      header_name: name,
    },
  };
}

/** Undefined where nothing matches. */
function onChoice(choice: Choice, input: LeafInput): Fields | undefined {
  if (choice.kind === "routes") {
    return choice.matches.length === 0 ? undefined : routeList(choice.matches, input);
  }
  const on_no_match = onChoice(choice.otherwise, input);
  if (choice.kind === "values") {
    const map = Object.fromEntries([...choice.values].map(([value, inner]) =>
      [value, onChoice(inner, input) ?? routeList([], input)]));
    const matcher_tree = { input: headerInput(choice.name), exact_match_map: { map } };
    return { matcher: { matcher_tree, on_no_match } };
  }
  const single_predicate = {
    input: headerInput(choice.name),
    value_match: { safe_regex: { google_re2: {}, ...expression(choice.value) } },
  };
  const on_match = onChoice(choice.holds, input) ?? routeList([], input);
  const matcher_list = { matchers: [{ predicate: { single_predicate }, on_match }] };
  return { matcher: { matcher_list, on_no_match } };
}

function routeList(matches: readonly RouteMatch[], input: LeafInput): Fields {
  const routes = routesFor(matches, input);
  const [only, second] = routes;
  const type = "type.googleapis.com/envoy.config.route.v3";
  const typed_config = only && !second
    ? { "@type": `${type}.Route`, ...only } : { "@type": `${type}.RouteList`, routes };
  return { action: { name: "routes", typed_config } };
}

function routesFor(matches: readonly RouteMatch[], input: LeafInput): readonly Fields[] {
  return matches.flatMap((match) => matchRoutes(match, input));
}

// --- Diagnostics ---------------------------------------------------------------------------------

/** Above so many routes in one list its length shows in the cost of a request. */
const longList = 64;

/** What cannot be expressed, rule by rule, and what a user of native routing should know. */
export function nativeDiagnostics({ gatewayPorts }: Ir): readonly Diagnostic[] {
  const found = new Map<string, Diagnostic>();
  const splits = new Set<unknown>();
  let longest = 0;
  for (const host of gatewayPorts.flatMap((port) => [...port.virtualHosts])) {
    const { exact, prefixes, rest, routes } = treeOf(host);
    const problems = [
      ...host.matches.flatMap((match) =>
        limitsOf(match).map((reason) => inexpressible(match, reason))),
      ...(routes > routesMax(host) ? tooManyRoutes(host, routesMax(host)) : []),
    ];
    for (const problem of problems) {
      found.set(`${problem.resource} ${problem.path} ${problem.title}`, problem);
    }
    const lists = [rest, ...[...exact, ...prefixes].map(({ choice }) => choice)].flatMap(listsOf);
    longest = lists.reduce((most, { length }) => Math.max(most, length), longest);
    for (const { rule } of host.matches) {
      if (rule.action.kind === "forward" && rule.action.backends.length > 1) splits.add(rule);
    }
  }
  return [...found.values(), ...notes(splits.size, longest)];
}

function notes(splits: number, longest: number): readonly Diagnostic[] {
  return [
    ...(splits === 0 ? [] : [diagnostic({
      code: "FL0409", title: `Envoy shares requests out at random in ${splits} rules with weights`,
      effect: "the shares are right over many requests; the filter's are over every few",
    })]),
    ...(longest <= longList ? [] : [diagnostic({
      code: "FL0409",
      title: `Envoy looks through as many as ${longest} routes one by one for some paths`,
      effect: "regular expressions that begin alike, or many rules for one path, cost each request "
        + "time; with the filter they do not",
    })]),
  ];
}
