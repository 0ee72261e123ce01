// Words for the validation rules (CEL) of the published schemas, which come without messages. A
// rule that has no words here is shown as it is.

import type { ValuePath } from "../manifest.ts";
import { isFields, type Fields } from "./schema.ts";

export interface Wording {
  readonly title: string;
  /** Where to point, from the value that the rule is on. */
  readonly at?: ValuePath;
  /** Point at the key of that field. */
  readonly key?: boolean;
  readonly help?: string;
  /** Not said where another rule has refused the same place: that one says it better. */
  readonly general?: boolean;
}

type Words = (parts: readonly string[], self: unknown) => Wording;

/** How a rule is written, and what it means. The first that fits counts. */
const table: readonly (readonly [RegExp, Words])[] = [
  // --- filters and other unions of a type and its fields
  [/^!\(has\(self\.(\w+)\) && self\.type != '(\w+)'\)$/, ([, field, type]) => ({
    title: `\`${field}\` is set, but \`type\` is not \`${type}\``,
    at: [field ?? ""], key: true, help: `set \`type: ${type}\`, or delete \`${field}\``,
  })],
  [/^!\(!has\(self\.(\w+)\) && self\.type == '(\w+)'\)$/, ([, field, type]) => ({
    title: `\`type\` is \`${type}\`, but \`${field}\` is missing`, at: ["type"],
  })],
  [/^self\.type == '(\w+)' \? has\(self\.(\w+)\) : true$/, ([, type, field]) => ({
    title: `\`type\` is \`${type}\`, but \`${field}\` is missing`, at: ["type"],
  })],
  [/^has\(self\.(\w+)\) \? self\.type == '(\w+)' : true$/, ([, field, type]) => ({
    title: `\`${field}\` is set, but \`type\` is not \`${type}\``, at: [field ?? ""], key: true,
  })],
  [/^self\.(\w+) == '(\w+)' \? has\(self\.(\w+)\) : true$/, ([, field, value, other]) => ({
    title: `\`${field}\` is \`${value}\`, but \`${other}\` is missing`, at: [field ?? ""],
  })],
  [/^has\(self\.(\w+)\) \? self\.(\w+) == '(\w+)' : true$/, ([, other, field, value]) => ({
    title: `\`${other}\` is set, but \`${field}\` is not \`${value}\``,
    at: [other ?? ""], key: true,
  })],
  [/^!has\(self\.(\w+)\) \|\| self\.type == '(\w+)'$/, ([, field, type]) => ({
    title: `\`${field}\` is set, but \`type\` is not \`${type}\``, at: [field ?? ""], key: true,
  })],
  [/^self\.type != '(\w+)' \|\| has\(self\.(\w+)\)$/, ([, type, field]) => ({
    title: `\`type\` is \`${type}\`, but \`${field}\` is missing`, at: ["type"],
  })],
  [/^!\(self\.type == "(\w+)" && \(!has\(self\.(\w+)\)/, ([, type, field]) => ({
    title: `\`type\` is \`${type}\`, but \`${field}\` is missing`, at: ["type"],
  })],
  [/^!\(self\.type != "(\w+)" && has\(self\.(\w+)\)/, ([, type, field]) => ({
    title: `\`${field}\` is set, but \`type\` is not \`${type}\``, at: [field ?? ""], key: true,
  })],
  [/^self\.filter\(f, f\.type == '(\w+)'\)\.size\(\) <= 1$/, ([, type], self) => ({
    title: `more than one \`${type}\` filter`, at: secondOfType(self, type),
    help: "merge them: a rule and a backend take at most one of each",
  })],
  [/^!\(self\.exists\(f, f\.type == 'RequestRedirect'\) && /, () => ({
    title: "`RequestRedirect` and `URLRewrite` exclude each other",
  })],
  // --- paths
  [/\? self\.value\.startsWith\('\/'\) : true$/, () => ({
    title: "the path does not start with `/`", at: ["value"],
  })],
  [/\? !self\.value\.contains\('(.+)'\) : true$/, ([, text]) => ({
    title: `the path contains \`${text}\``, at: ["value"],
    help: "gateways normalise paths before they match: no request has this one",
  })],
  [/\? !self\.value\.endsWith\('(.+)'\) : true$/, ([, text]) => ({
    title: `the path ends with \`${text}\``, at: ["value"],
    help: "gateways normalise paths before they match: no request has this one",
  })],
  [/^self\.type in \['Exact','PathPrefix'\] \|\| /, () => ({
    title: "`type` has to be `Exact`, `PathPrefix` or `RegularExpression`", at: ["type"],
  })],
  [/\? self\.value\.matches\(r"""\^\(\?:\[-A-Za-z0-9/, () => ({
    title: "the path has characters that a URL's path cannot have", at: ["value"],
    help: "percent-encode them, or match with `type: RegularExpression`", general: true,
  })],
  // --- rules of a route
  [/f\.(requestRedirect|urlRewrite)\.path\.type == 'ReplacePrefixMatch'/, ([, filter]) => ({
    title: `\`${filter}\` replaces a prefix, but the rule does not have exactly one \`PathPrefix\``
      + " match",
    help: "split the rule, so that each has one match with a path of type `PathPrefix`",
  })],
  [/^\(has\(self\.backendRefs\) && size\(self\.backendRefs\) > 0\) \?/, () => ({
    title: "a rule with `backendRefs` cannot redirect", at: ["backendRefs"], key: true,
    help: "delete the `backendRefs`, or the `RequestRedirect` filter",
  })],
  [/^\(self\.size\(\) > 0 \?.*<= (\d+)$/, ([, most]) => ({
    title: `the rules have more than ${most} matches together`, help: "split the route into two",
  })],
  [/^self\.all\(l1, !has\(l1\.name\) \|\| self\.exists_one/, (_, self) => ({
    title: "two rules have the same `name`", ...repeated(self, ["name"]),
  })],
  [/^!\(has\(self\.request\) && has\(self\.backendRequest\)/, () => ({
    title: "`backendRequest` is longer than `request`", at: ["backendRequest"],
  })],
  [/^!\(has\(self\.percent\) && has\(self\.fraction\)\)$/, () => ({
    title: "`percent` and `fraction` exclude each other", at: ["fraction"], key: true,
  })],
  [/^self\.numerator <= self\.denominator$/, () => ({
    title: "`numerator` is greater than `denominator`", at: ["numerator"],
  })],
  [/^!\('\*' in self && self\.size\(\) > 1\)$/, () => ({
    title: "`*` stands for all values and has to stand alone",
  })],
  [/^has\(self\.type\) \? has\(self\.service\) \|\| has\(self\.method\) : true$/, () => ({
    title: "a gRPC match needs a `service`, a `method` or both",
  })],
  [/self\.(service|method)\.matches\(/, ([, field]) => ({
    title: `\`${field}\` is not the name of a gRPC ${field}`, at: [field ?? ""],
  })],
  [/lifetimeType != 'Permanent' \|\| has\(self\.absoluteTimeout\)$/, () => ({
    title: "a `Permanent` cookie needs an `absoluteTimeout`", at: ["cookie", "lifetimeType"],
  })],
  // --- references
  [/^self\.all\(p1, self\.all\(p2, .*sectionName/s, (_, self) => ({
    title: "two entries name the same parent, and only one of them says which part of it",
    ...repeated(self, ["group", "kind", "namespace", "name"]),
    help: "give each of them its own `sectionName` or `port`, or keep only one",
  })],
  [/^self\.all\(p1, self\.exists_one\(p2, /, (_, self) => ({
    title: "two entries name the same parent",
    ...repeated(self, ["group", "kind", "namespace", "name", "sectionName", "port"]),
    help: "delete one of them",
  })],
  [/self\.kind == 'Service'\) \? has\(self\.port\) : true$/, () => ({
    title: "a reference to a Service needs a `port`", at: ["name"],
  })],
  [/self\.kind == 'XBackend'\) \? !has\(self\.port\) : true$/, () => ({
    title: "a reference to an XBackend takes no `port`", at: ["port"], key: true,
  })],
  [/ClusterTrustBundle/, () => ({
    title: "a ClusterTrustBundle is cluster-scoped: the reference takes no `namespace`",
  })],
  // --- listeners
  [/^self\.mode == 'Terminate' \? size\(self\.certificateRefs\) > 0/, () => ({
    title: "TLS is terminated here, but there are no `certificateRefs`", key: true,
  })],
  [/^!has\(self\.filters\) \|\| self\.protocol in /, () => ({
    title: "`filters` need the protocol `HTTP` or `HTTPS`", at: ["filters"], key: true,
  })],
  [/^self\.all\(l, l\.protocol in \['HTTP', 'TCP', 'UDP'\] \? !has\(l\.tls\)/, (_, self) => ({
    title: "a listener of protocol `HTTP`, `TCP` or `UDP` takes no `tls`",
    ...which(self, "tls", (l) => ["HTTP", "TCP", "UDP"].includes(String(l.protocol))),
  })],
  [/^self\.all\(l, \(l\.protocol == 'HTTPS' && has\(l\.tls\)\)/, (_, self) => ({
    title: "an `HTTPS` listener has to terminate TLS",
    ...which(self, "tls", (l) => l.protocol === "HTTPS" && modeOf(l) !== "Terminate"),
  })],
  [/^self\.all\(l, \(l\.protocol == 'TLS' \?/, (_, self) => ({
    title: "a `TLS` listener needs `tls.mode`",
    ...which(self, "protocol", (l) => l.protocol === "TLS" && modeOf(l) === undefined),
  })],
  [/^self\.all\(l, l\.protocol in \['TCP', 'UDP'\] {2}\?/, (_, self) => ({
    title: "a `TCP` or `UDP` listener takes no `hostname`",
    ...which(self, "hostname", (l) => ["TCP", "UDP"].includes(String(l.protocol))),
  })],
  [/^self\.all\(l1, self\.exists_one\(l2, l1\.(name|number) == l2\.\1\)\)$/, ([, field], self) => ({
    title: `two entries have the same \`${field}\``, ...repeated(self, [field ?? ""]),
  })],
  [/^self\.all\(l1, .*l1\.port == l2\.port && l1\.protocol == l2\.protocol/, (_, self) => ({
    title: "two listeners have the same `port`, `protocol` and `hostname`",
    ...repeated(self, ["port", "protocol", "hostname"]),
  })],
  [/^self\.all\(t1, self\.exists_one\(t2, t1\.port == t2\.port\)\)$/, (_, self) => ({
    title: "two entries have the same `port`", ...repeated(self, ["port"]),
  })],
  [/^self\.all\(a1, a1\.type == '\w+' {0,2}&& has\(a1\.value\)/, (_, self) => ({
    title: "two addresses are the same", ...repeated(self, ["type", "value"]),
  })],
  [/^self\.type == 'Hostname' \? /, () => ({
    title: "the address is not a hostname", at: ["value"],
  })],
  [/self == 'Cluster' \|\| /, () => ({
    title: "`routability` has to be `Cluster` or a name under a domain, such as `example.com/x`",
  })],
  [/^self\.all\(key, key\.matches\(/, () => ({
    title: "a key is not a qualified name, such as `app` or `example.com/app`",
  })],
  [/^self\.all\(key, key\.split\("\/"\)\[0\]\.size\(\) < 253\)$/, () => ({
    title: "a key's domain has 253 characters or more",
  })],
  // --- hostnames and TLS
  [/^self\.all\(h, !isIP\(h\)\)$/, () => ({ title: "an IP address is not a hostname" })],
  [/^self\.all\(h, !?h\.contains\('\*'\)/, () => ({
    title: "an entry is not a hostname, nor `*.` and a hostname",
  })],
  [/has\(self\.caCertificateRefs\).*wellKnownCACertificates/, () => ({
    title: "exactly one of `caCertificateRefs` and `wellKnownCACertificates` has to be set",
    key: true,
  })],
  // --- Istio
  [/^duration\(self\) >= duration\('(\w+)'\)$/, ([, least], self) => ({
    title: `\`${String(self)}\` is not a duration of at least \`${least}\``,
    help: "write a number with its unit: `250ms`, `30s`, `5m`",
  })],
  [/contains\("\*"\)\)?$/, () => ({ title: "a label to select by cannot contain `*`" })],
  [/^self\.all\(key, key\.size\(\) != 0\)$/, () => ({ title: "a key is empty" })],
  [/^self != "\*"$/, () => ({ title: "the host cannot be `*`" })],
  [/^0 < self && self <= 65535$/, () => ({ title: "a port is a number from 1 to 65535" })],
  [/^has\(self\.address\) \|\| has\(self\.network\)$/, () => ({
    title: "an endpoint needs an `address` or a `network`",
  })],
  [/\.startsWith\("unix:\/\/"\) \? !has\(self\.ports\)/, () => ({
    title: "a Unix socket takes no `ports`", at: ["ports"], key: true,
  })],
  [/startsWith\("unix:\/\/"\)/, () => ({
    title: "a Unix socket is `unix://` and an absolute path or `@name`",
  })],
  [/has\(self\.workloadSelector\) \? 1 : 0/, () => ({
    title: "`workloadSelector` and `endpoints` exclude each other", at: ["endpoints"], key: true,
  })],
  [/exists\(k, k\.contains\("\/"\)\)/, () => ({
    title: "address ranges need the resolution `NONE` or `STATIC`", at: ["resolution"],
  })],
  [/== "NONE"\) \? !has\(self\.endpoints\)/, () => ({
    title: "`endpoints` need a `resolution` other than `NONE`", at: ["endpoints"], key: true,
  })],
  [/"DNS_ROUND_ROBIN"\) \? /, () => ({
    title: "`DNS_ROUND_ROBIN` takes at most one endpoint", at: ["endpoints"], key: true,
  })],
  [/size\(key\) < 63 && key\.matches/, () => ({ title: "a key is not the name of a port" })],
];

export function wordRule(rule: string, self: unknown): Wording {
  for (const [pattern, words] of table) {
    const parts = pattern.exec(rule);
    if (parts) return words(parts, self);
  }
  return { title: `the rule \`${rule.replace(/\s+/g, " ")}\` does not hold` };
}

function listOf(self: unknown): readonly Fields[] {
  return Array.isArray(self) ? self.filter(isFields) : [];
}

function modeOf(listener: Fields): unknown {
  return isFields(listener.tls) ? listener.tls.mode : undefined;
}

/** The first entry that `wanted` picks, at its field. */
function which(
  self: unknown, field: string, wanted: (entry: Fields) => boolean,
): Pick<Wording, "at" | "key"> {
  const index = listOf(self).findIndex((e) => e[field] !== undefined && wanted(e));
  return index < 0 ? {} : { at: [index, field], key: true };
}

/** The first entry that has the same `fields` as one before it. */
function repeated(self: unknown, fields: readonly string[]): Pick<Wording, "at"> {
  const seen = new Set<string>();
  for (const [index, entry] of listOf(self).entries()) {
    if (fields.length === 1 && entry[fields[0] ?? ""] === undefined) continue;
    const identity = JSON.stringify(fields.map((f) => entry[f] ?? null));
    if (seen.has(identity)) return { at: [index] };
    seen.add(identity);
  }
  return {};
}

function secondOfType(self: unknown, type: string | undefined): ValuePath {
  const indexes = listOf(self).flatMap((f, i) => (f.type === type ? [i] : []));
  return indexes[1] === undefined ? [] : [indexes[1], "type"];
}
