// A cluster's connections: how many, how long, in which protocol, and what begins them.

import type { Cluster, ClusterPolicy } from "../../ir.ts";
import type { Json } from "../artifact.ts";
import { optionalDuration } from "./duration.ts";

type Fields = { readonly [key: string]: Json };

/** The largest uint32: Envoy's way to say "no limit". */
const noLimit = 4294967295;

/**
 * Istio lifts Envoy's default of 1024 connections, pending requests and requests a cluster: a
 * limit that nobody wrote down would turn load into 503 answers.
 */
export function circuitBreakers(policy: ClusterPolicy): Fields {
  const { retryBudget } = policy;
  const limits = {
    max_connections: policy.maxConnections ?? noLimit,
    max_pending_requests: policy.http1MaxPendingRequests ?? noLimit,
    max_requests: policy.http2MaxRequests ?? noLimit,
    max_retries: policy.maxRetries ?? noLimit,
  };
  const isLimited = Object.values(limits).some((limit) => limit < noLimit);
  return {
    thresholds: [{
      ...limits,
      retry_budget: retryBudget && {
        budget_percent: { value: retryBudget.percent },
        budget_interval: optionalDuration(retryBudget.intervalMs),
        min_retry_concurrency: retryBudget.minRetryConcurrency,
      },
      // Shows in the statistics how much is left, where there is an end to it.
      track_remaining: isLimited ? true : undefined,
    }],
  };
}

export function protocolOptions({ protocol, policy, tls }: Cluster): Fields {
  const common: Fields = {
    max_requests_per_connection: policy.maxRequestsPerConnection || undefined,
    max_connection_duration: optionalDuration(policy.maxConnectionDurationMs),
    idle_timeout: optionalDuration(policy.httpIdleTimeoutMs),
  };
  return {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    common_http_protocol_options: orNothing(common),
    upstream_http_protocol_options: tls?.autoSni && !tls.mesh ? {
      auto_sni: true,
      auto_san_validation: namesTheRequest(tls) ? true : undefined,
    } : undefined,
    ...versions(protocol, policy),
  };
}

/** Whether the certificate has to be for the host of each request. */
export function namesTheRequest(tls: NonNullable<Cluster["tls"]>): boolean {
  return tls.autoSni === true && tls.anyName !== true && tls.insecureSkipVerify !== true
    && tls.subjectAltNames.length === 0;
}

function versions(protocol: Cluster["protocol"], policy: ClusterPolicy): Fields {
  const http2_protocol_options = {
    max_concurrent_streams: policy.maxConcurrentStreams || undefined,
    connection_keepalive: policy.http2KeepAlive && {
      interval: optionalDuration(policy.http2KeepAlive.intervalMs),
      timeout: optionalDuration(policy.http2KeepAlive.timeoutMs),
    },
  };
  if (policy.useClientProtocol) {
    return {
      use_downstream_protocol_config: { http_protocol_options: {}, http2_protocol_options },
    };
  }
  return {
    explicit_http_config: protocol === "h2c"
      ? { http2_protocol_options } : { http_protocol_options: {} },
  };
}

/** Keepalive probes of the kernel. An empty section leaves the figures to it. */
export function connectionOptions({ tcpKeepalive }: ClusterPolicy): Fields | undefined {
  return tcpKeepalive && {
    tcp_keepalive: {
      keepalive_probes: tcpKeepalive.probes || undefined,
      keepalive_time: wholeSeconds(tcpKeepalive.timeMs),
      keepalive_interval: wholeSeconds(tcpKeepalive.intervalMs),
    },
  };
}

/** The kernel counts seconds and takes no zero. */
function wholeSeconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.max(1, Math.trunc(ms / 1000));
}

/** The transport socket, behind a PROXY protocol header where there is to be one. */
export function transportSocket(
  inner: Fields | undefined, { proxyProtocol }: ClusterPolicy,
): Fields | undefined {
  if (!proxyProtocol) return inner;
  const sockets = "type.googleapis.com/envoy.extensions.transport_sockets";
  return {
    name: "envoy.transport_sockets.upstream_proxy_protocol",
    typed_config: {
      "@type": `${sockets}.proxy_protocol.v3.ProxyProtocolUpstreamTransport`,
      config: { version: proxyProtocol },
      transport_socket: inner ?? {
        name: "envoy.transport_sockets.raw_buffer",
        typed_config: { "@type": `${sockets}.raw_buffer.v3.RawBuffer` },
      },
    },
  };
}

function orNothing(fields: Fields): Fields | undefined {
  return Object.values(fields).some((value) => value !== undefined) ? fields : undefined;
}
