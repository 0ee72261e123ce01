// Istio's resources (1.31), as far as they are carried out or reported.

export interface TrafficPolicy {
  readonly loadBalancer?: {
    readonly simple?: string;
    readonly consistentHash?: unknown;
    readonly localityLbSetting?: unknown;
    readonly warmup?: unknown;
    readonly warmupDurationSecs?: unknown;
  };
  readonly connectionPool?: {
    readonly tcp?: {
      readonly maxConnections?: number;
      readonly connectTimeout?: string;
      readonly tcpKeepalive?: unknown;
      readonly maxConnectionDuration?: string;
      readonly idleTimeout?: string;
    };
    readonly http?: {
      readonly http1MaxPendingRequests?: number;
      readonly http2MaxRequests?: number;
      readonly maxRequestsPerConnection?: number;
      readonly maxRetries?: number;
      readonly idleTimeout?: string;
      readonly h2UpgradePolicy?: string;
      readonly useClientProtocol?: boolean;
      readonly maxConcurrentStreams?: number;
    };
  };
  readonly outlierDetection?: {
    readonly consecutiveErrors?: number;
    readonly consecutive5xxErrors?: number;
    readonly consecutiveGatewayErrors?: number;
    readonly consecutiveLocalOriginFailures?: number;
    readonly splitExternalLocalOriginErrors?: boolean;
    readonly interval?: string;
    readonly baseEjectionTime?: string;
    readonly maxEjectionPercent?: number;
    readonly minHealthPercent?: number;
  };
  readonly tls?: unknown;
  readonly portLevelSettings?: readonly (Omit<TrafficPolicy, "portLevelSettings"> & {
    readonly port?: { readonly number?: number };
  })[];
  readonly tunnel?: unknown;
  readonly proxyProtocol?: unknown;
}

export interface DestinationRuleSpec {
  readonly host: string;
  readonly trafficPolicy?: TrafficPolicy;
  readonly subsets?: readonly {
    readonly name: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly trafficPolicy?: TrafficPolicy;
  }[];
  readonly exportTo?: readonly string[];
  readonly workloadSelector?: unknown;
}
