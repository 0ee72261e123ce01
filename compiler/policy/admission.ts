// What Istio's admission webhook refuses of a DestinationRule although its schema allows it: with
// such a rule an upgrade of manifests stops at the cluster's door, or Istio ignores what it meant.

import type { ValuePath } from "../manifest.ts";
import type { Report } from "../resolve/report.ts";
import type {
  ClientTlsSettings, ConnectionPoolSettings, ConsistentHashSettings, LoadBalancerSettings,
  LocalityLbSetting, TrafficPolicy,
} from "../resources.ts";
import type { DestinationRule } from "./hosts.ts";

interface Refusal {
  readonly path: ValuePath;
  readonly title: string;
}

const refuse = (title: string, ...path: ValuePath): Refusal => ({ path, title });

function below(name: string | number, found: readonly Refusal[]): readonly Refusal[] {
  return found.map(({ path, title }) => ({ path: [name, ...path], title }));
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return number > 1;
}

const tableSizeMax = 5_000_011;

function hashRefusals(hash: ConsistentHashSettings): readonly Refusal[] {
  const { maglev, ringHash, minimumRingSize = 0, httpCookie } = hash;
  const size = maglev?.tableSize ?? 0;
  const names = (httpCookie?.attributes ?? []).map(({ name = "" }) => name);
  return [
    ...(maglev && !(isPrime(size) && size < tableSizeMax)
      ? [refuse(`\`tableSize\` has to be a prime below ${tableSizeMax}`, "maglev")] : []),
    ...(minimumRingSize > 0 && (maglev ?? ringHash)
      ? [refuse("`minimumRingSize` stands beside `ringHash` or `maglev`", "minimumRingSize")] : []),
    ...(new Set(names).size < names.length || names.includes("")
      ? [refuse("attributes of a cookie need names of their own", "httpCookie", "attributes")]
      : []),
  ];
}

const topologyLabels = new Set(["topology.kubernetes.io/region", "topology.kubernetes.io/zone",
  "topology.istio.io/subzone"]);

function localityRefusals(setting: LocalityLbSetting): readonly Refusal[] {
  const { distribute = [], failover = [], failoverPriority = [] } = setting;
  return [
    ...(distribute.length > 0 && failover.length > 0
      ? [refuse("`distribute` and `failover` exclude each other", "failover")] : []),
    ...(failover.length > 0 && failoverPriority.some((label) => topologyLabels.has(label))
      ? [refuse("labels of regions and zones stand beside `failover`", "failoverPriority")] : []),
    ...distribute.flatMap(({ to = {} }, index) => {
      const shares = Object.values(to);
      const sum = shares.reduce((total, share) => total + share, 0);
      return sum === 100 && shares.every((share) => share > 0) ? []
        : [refuse(`shares of localities are above 0 and together 100, not ${sum}`, "distribute",
          index, "to")];
    }),
    ...failover.flatMap(({ from = "", to = "" }, index) =>
      (from !== to && !/[/*]/.test(from + to) ? []
        : [refuse("failover is from one region to another", "failover", index)])),
  ];
}

function balancerRefusals(section: LoadBalancerSettings): readonly Refusal[] {
  const { consistentHash, localityLbSetting, zoneAwareLbSetting, warmup } = section;
  return [
    ...below("consistentHash", consistentHash ? hashRefusals(consistentHash) : []),
    ...below("localityLbSetting", localityLbSetting ? localityRefusals(localityLbSetting) : []),
    ...(localityLbSetting && zoneAwareLbSetting
      ? [refuse("`localityLbSetting` and `zoneAwareLbSetting` exclude each other",
        "zoneAwareLbSetting")] : []),
    ...(zoneAwareLbSetting?.failoverPriority?.some((label) => topologyLabels.has(label))
      ? [refuse("zones are looked at anyway: their labels are no priorities",
        "zoneAwareLbSetting", "failoverPriority")] : []),
    ...(warmup?.aggression !== undefined && warmup.aggression <= 0
      ? [refuse("`aggression` is above 0", "warmup", "aggression")] : []),
  ];
}

function poolRefusals({ tcp, http }: ConnectionPoolSettings): readonly Refusal[] {
  const { h2UpgradePolicy, useClientProtocol, http2KeepAlive } = http ?? {};
  return [
    ...(!tcp && !http ? [refuse("a connection pool needs `tcp` or `http`")] : []),
    ...(h2UpgradePolicy === "UPGRADE" && useClientProtocol
      ? [refuse("UPGRADE and `useClientProtocol` exclude each other", "http", "h2UpgradePolicy")]
      : []),
    ...(http2KeepAlive && !(http2KeepAlive.interval && http2KeepAlive.timeout)
      ? [refuse("`http2KeepAlive` needs `interval` and `timeout`", "http", "http2KeepAlive")] : []),
  ];
}

function tlsRefusals(settings: ClientTlsSettings): readonly Refusal[] {
  const { mode, credentialName, insecureSkipVerify, subjectAltNames, ...files } = settings;
  if (mode !== "SIMPLE" && mode !== "MUTUAL") return [];
  const hasFiles = files.caCertificates ?? files.caCrl ?? files.clientCertificate
    ?? files.privateKey;
  const checks = files.caCertificates ?? subjectAltNames
    ?? (mode === "SIMPLE" ? credentialName : undefined);
  return [
    ...(credentialName && hasFiles
      ? [refuse("`credentialName` and paths of files exclude each other", "credentialName")] : []),
    ...(insecureSkipVerify && checks
      ? [refuse("authorities and names stand beside `insecureSkipVerify`", "insecureSkipVerify")]
      : []),
  ];
}

function policyRefusals(policy: TrafficPolicy): readonly Refusal[] {
  const { portLevelSettings = [], ...sections } = policy;
  const { loadBalancer, connectionPool, outlierDetection: outlier, tls } = sections;
  const isEmpty = Object.keys(sections).length === 0 && portLevelSettings.length === 0;
  const localOnly = outlier?.consecutiveLocalOriginFailures ?? 0;
  return [
    ...(isEmpty ? [refuse("a traffic policy needs at least one field")] : []),
    ...(policy.tunnel !== undefined && policy.proxyProtocol
      ? [refuse("`tunnel` and `proxyProtocol` exclude each other", "tunnel")] : []),
    ...below("loadBalancer", loadBalancer ? balancerRefusals(loadBalancer) : []),
    ...below("connectionPool", connectionPool ? poolRefusals(connectionPool) : []),
    ...(localOnly > 0 && !outlier?.splitExternalLocalOriginErrors
      ? [refuse("`consecutiveLocalOriginFailures` needs `splitExternalLocalOriginErrors`",
        "outlierDetection", "consecutiveLocalOriginFailures")] : []),
    ...below("tls", tls ? tlsRefusals(tls) : []),
    ...below("portLevelSettings", portLevelSettings.flatMap(({ port, ...own }, index) =>
      below(index, port ? policyRefusals(own) : [refuse("settings of a port need a `port`")]))),
  ];
}

function exportRefusals({ metadata, spec }: DestinationRule): readonly Refusal[] {
  const written = spec.exportTo ?? [];
  const meant = written.map((name) => (name === "." ? metadata.namespace : name));
  const isOwn = meant.every((name) => name === metadata.namespace);
  return [
    ...(new Set(meant).size < meant.length ? [refuse("a namespace is named twice")] : []),
    ...(meant.includes("*") && meant.length > 1 ? [refuse("`*` stands beside others")] : []),
    ...(spec.workloadSelector && !isOwn
      ? [refuse("a rule with a `workloadSelector` is its namespace's own")] : []),
  ];
}

export function reportRefusals(rule: DestinationRule, report: Report): void {
  const { trafficPolicy, subsets = [] } = rule.spec;
  const names = subsets.map(({ name }) => name);
  const found = [
    ...below("trafficPolicy", trafficPolicy ? policyRefusals(trafficPolicy) : []),
    ...below("subsets", subsets.flatMap(({ name, trafficPolicy: own }, index) => below(index, [
      ...(names.indexOf(name) < index ? [refuse(`subset \`${name}\` stands twice`, "name")] : []),
      ...below("trafficPolicy", own ? policyRefusals(own) : []),
    ]))),
    ...below("exportTo", exportRefusals(rule)),
  ];
  for (const { path, title } of found) {
    report.say(rule, ["spec", ...path], {
      code: "FL0612", title, effect: "Istio's admission refuses the rule",
    });
  }
}
