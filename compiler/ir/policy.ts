// The policy of a cluster in the intermediate representation: how its endpoints are balanced,
// limited, ejected and connected to.

/** What DestinationRules ask for; durations in milliseconds. Absent: the host's default. */
export interface ClusterPolicy {
  readonly loadBalancer?: "ROUND_ROBIN" | "LEAST_REQUEST" | "RANDOM";
  /** Takes the place of `loadBalancer`. */
  readonly consistentHash?: ConsistentHash;
  /**
   * The share of each locality's requests (DestinationRule `distribute`), by `region/zone/subzone`
   * as endpoints have it. Absent: localities count only through endpoints' priorities.
   */
  readonly localityWeights?: readonly { readonly locality: string; readonly weight: number }[];
  readonly warmup?: Warmup;
  readonly maxConnections?: number;
  readonly connectTimeoutMs?: number;
  readonly tcpIdleTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly tcpKeepalive?: {
    readonly probes?: number;
    readonly timeMs?: number;
    readonly intervalMs?: number;
  };
  readonly http1MaxPendingRequests?: number;
  readonly http2MaxRequests?: number;
  readonly maxRequestsPerConnection?: number;
  readonly maxConcurrentStreams?: number;
  readonly maxRetries?: number;
  /** Takes the place of `maxRetries`: a share of the requests under way, in percent. */
  readonly retryBudget?: {
    readonly percent: number;
    readonly minRetryConcurrency: number;
    /** Requests of this long ago still count as under way. */
    readonly intervalMs?: number;
  };
  readonly httpIdleTimeoutMs?: number;
  readonly http2KeepAlive?: { readonly intervalMs: number; readonly timeoutMs: number };
  /** The backend gets the HTTP version that the client spoke. */
  readonly useClientProtocol?: boolean;
  readonly proxyProtocol?: "V1" | "V2";
  readonly outlierDetection?: OutlierDetection;
}

/** Requests of equal key go to one endpoint as long as it is there. */
export interface ConsistentHash {
  readonly key:
    | { readonly kind: "header"; readonly name: string }
    /** Set by the gateway where the client has none and `ttlMs` is there; 0: a session cookie. */
    | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path?: string;
      readonly ttlMs?: number;
      readonly attributes?: readonly { readonly name: string; readonly value: string }[];
    }
    | { readonly kind: "sourceIp" }
    | { readonly kind: "queryParameter"; readonly name: string };
  readonly algorithm:
    | { readonly kind: "ringHash"; readonly minimumRingSize: number }
    /** A prime. */
    | { readonly kind: "maglev"; readonly tableSize: number };
}

/** A new endpoint's share grows over `durationMs` from `minimumPercent` to its full one. */
export interface Warmup {
  readonly durationMs: number;
  readonly minimumPercent: number;
  readonly aggression: number;
}

/** Zero turns a detector off. */
export interface OutlierDetection {
  readonly consecutive5xxErrors?: number;
  readonly consecutiveGatewayErrors?: number;
  /** Only with `splitExternalLocalOriginErrors`. */
  readonly consecutiveLocalOriginFailures?: number;
  /** Connections that fail are counted by themselves and not as answers. */
  readonly splitExternalLocalOriginErrors?: boolean;
  readonly intervalMs?: number;
  readonly baseEjectionTimeMs?: number;
  readonly maxEjectionPercent?: number;
  readonly minHealthPercent?: number;
}
