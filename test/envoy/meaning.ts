// What a cluster of Envoy's means, whoever wrote it: with Envoy's own defaults filled in, durations
// as seconds, and the many forms of one thing made one. Names are as in protobuf's JSON.

type Fields = { readonly [key: string]: unknown };

/** `max_connections` → `maxConnections`, at any depth. Keys that are types' names stay. */
export function camel(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(camel);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([key, field]) => [
      key.includes(".") ? key : key.replace(/_(\w)/g, (_, c: string) => c.toUpperCase()),
      camel(field),
    ]));
}

/** The value at a path of keys, or nothing. */
function dig(value: unknown, path: string): unknown {
  return path.split("/").reduce<unknown>((found, key) =>
    (typeof found === "object" && found !== null ? (found as Fields)[key] : undefined), value);
}

function seconds(value: unknown): number | undefined {
  return value === undefined ? undefined : Number.parseFloat(String(value));
}

/** 64-bit numbers are texts in protobuf's JSON. */
function number(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}

export function clusterMeaning(cluster: unknown): Fields {
  const at = (path: string): unknown => dig(cluster, path);
  return {
    connectTimeout: seconds(at("connectTimeout")),
    panic: at("commonLbConfig/healthyPanicThreshold/value") ?? 0,
    localityWeighted: at("commonLbConfig/localityWeightedLbConfig") !== undefined,
    ...balancer(cluster), ...limits(dig(cluster, "circuitBreakers/thresholds/0")),
    outlierDetection: outlier(at("outlierDetection")),
    tcpKeepalive: at("upstreamConnectionOptions/tcpKeepalive"),
    ...protocol(at("typedExtensionProtocolOptions/"
      + "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")),
    ...transport(at("transportSocket")),
  };
}

function balancer(cluster: unknown): Fields {
  const policy = String(dig(cluster, "lbPolicy") ?? "ROUND_ROBIN");
  const slowStart = dig(cluster, `${policy === "ROUND_ROBIN" ? "roundRobin" : "leastRequest"}`
    + "LbConfig/slowStartConfig");
  return {
    policy,
    ringSize: policy === "RING_HASH"
      ? number(dig(cluster, "ringHashLbConfig/minimumRingSize")) ?? 1024 : undefined,
    tableSize: policy === "MAGLEV"
      ? number(dig(cluster, "maglevLbConfig/tableSize")) ?? 65_537 : undefined,
    slowStart: slowStart && {
      window: seconds(dig(slowStart, "slowStartWindow")),
      aggression: dig(slowStart, "aggression/defaultValue") ?? 1,
      minimum: dig(slowStart, "minWeightPercent/value") ?? 10,
    },
  };
}

function limits(threshold: unknown): Fields {
  const budget = dig(threshold, "retryBudget");
  return {
    maxConnections: dig(threshold, "maxConnections"),
    maxPendingRequests: dig(threshold, "maxPendingRequests"),
    maxRequests: dig(threshold, "maxRequests"),
    maxRetries: dig(threshold, "maxRetries"),
    retryBudget: budget && {
      percent: dig(budget, "budgetPercent/value"),
      interval: seconds(dig(budget, "budgetInterval")) ?? 0,
      minimum: dig(budget, "minRetryConcurrency"),
    },
  };
}

function outlier(detection: unknown): Fields | undefined {
  if (detection === undefined) return undefined;
  const at = (name: string, fallback: unknown): unknown => dig(detection, name) ?? fallback;
  const split = at("splitExternalLocalOriginErrors", false);
  return {
    fives: [at("consecutive5xx", 5), at("enforcingConsecutive5xx", 100)],
    // Not enforced, a figure means nothing.
    gateway: at("enforcingConsecutiveGatewayFailure", 0) === 0
      ? 0 : at("consecutiveGatewayFailure", 5),
    local: split ? [at("consecutiveLocalOriginFailure", 5),
      at("enforcingConsecutiveLocalOriginFailure", 100),
      at("enforcingLocalOriginSuccessRate", 100)] : undefined,
    successRate: at("enforcingSuccessRate", 100),
    interval: seconds(at("interval", "10s")),
    base: seconds(at("baseEjectionTime", "30s")),
    percent: at("maxEjectionPercent", 10),
  };
}

function protocol(options: unknown): Fields {
  const common = (name: string): unknown => dig(options, `commonHttpProtocolOptions/${name}`);
  const http2 = dig(options, "explicitHttpConfig/http2ProtocolOptions");
  const version = dig(options, "useDownstreamProtocolConfig") ? "the client's"
    : http2 ? "HTTP/2" : "HTTP/1.1";
  return {
    version,
    maxRequestsPerConnection: common("maxRequestsPerConnection"),
    maxConnectionDuration: seconds(common("maxConnectionDuration")),
    idleTimeout: seconds(common("idleTimeout")),
    maxConcurrentStreams: dig(http2, "maxConcurrentStreams"),
    http2KeepAlive: dig(http2, "connectionKeepalive"),
    autoSni: dig(options, "upstreamHttpProtocolOptions/autoSni") ?? false,
    autoNames: dig(options, "upstreamHttpProtocolOptions/autoSanValidation") ?? false,
  };
}

function transport(socket: unknown): Fields {
  if (String(dig(socket, "name")).endsWith("upstream_proxy_protocol")) {
    const version = dig(socket, "typedConfig/config/version") ?? "V1";
    return { proxyProtocol: version, ...transport(dig(socket, "typedConfig/transportSocket")) };
  }
  const common = dig(socket, "typedConfig/commonTlsContext");
  if (!common) return {};
  const combined = dig(common, "combinedValidationContext");
  const validation = dig(combined, "defaultValidationContext") ?? dig(common, "validationContext");
  const names = dig(validation, "matchTypedSubjectAltNames")
    ?? dig(validation, "matchSubjectAltNames") ?? [];
  return {
    sni: dig(socket, "typedConfig/sni"),
    versions: [dig(common, "tlsParams/tlsMinimumProtocolVersion"),
      dig(common, "tlsParams/tlsMaximumProtocolVersion")],
    authorities: authorities(dig(combined, "validationContextSdsSecretConfig/name"), validation),
    crl: dig(validation, "crl/filename"),
    names: (names as readonly Fields[]).map((name) => dig(name, "matcher/exact") ?? name["exact"]),
    client: client(common),
  };
}

/** `file /etc/ca.pem`, `system`, `given`, or nothing where any certificate will do. */
function authorities(secret: unknown, validation: unknown): string | undefined {
  if (secret !== undefined) {
    const file = /^file-root:(.*)$/.exec(String(secret))?.[1];
    return file === undefined ? "given" : file === "system" ? "system" : `file ${file}`;
  }
  if (dig(validation, "trustedCa/inlineString") !== undefined) return "given";
  const file = dig(validation, "trustedCa/filename");
  if (file === undefined) return undefined;
  return file === "/etc/ssl/certs/ca-certificates.crt" ? "system" : `file ${String(file)}`;
}

/** `file chain key`, or the Secret's name. */
function client(common: unknown): string | undefined {
  const secret = dig(common, "tlsCertificateSdsSecretConfigs/0/name");
  if (secret !== undefined) {
    const [, chain, key] = /^file-cert:(.*)~(.*)$/.exec(String(secret)) ?? [];
    return chain === undefined ? String(secret).replace("kubernetes://", "") : `${chain} ${key}`;
  }
  const chain = dig(common, "tlsCertificates/0/certificateChain/filename");
  if (chain === undefined) return undefined;
  const name = /^\/etc\/fairlead\/tls\/[^/]+\/([^/]+)\/tls\.crt$/.exec(String(chain))?.[1];
  return name ?? `${String(chain)} ${String(dig(common, "tlsCertificates/0/privateKey/filename"))}`;
}
