// TLS on both sides of Envoy: as a listener ends it, and as a cluster begins it.

import type { Certificate, Cluster, ClusterTls, Ir, ListenerTls } from "../../ir.ts";
import type { Json } from "../artifact.ts";

type Fields = { readonly [key: string]: Json };

/** Where Envoy finds a key pair. Keys are never written into a configuration. */
export type KeyPairFiles = (certificate: Certificate) => {
  readonly certificate: string;
  readonly key: string;
};

/** Where Linux distributions' packages put the trusted roots (Debian's place, also Istio's). */
export const defaultSystemRoots = "/etc/ssl/certs/ca-certificates.crt";

/** Every key pair that a listener or a cluster shows. */
export function usedCertificates(
  { gatewayPorts, streamPorts = [], clusters }: Ir,
): readonly Certificate[] {
  const listeners = [...gatewayPorts, ...streamPorts].flatMap((port) => [...port.listeners]);
  return [
    ...listeners.flatMap(({ tls }) => tls?.certificates ?? []),
    ...clusters.flatMap(({ tls }) => (tls?.client ? [tls.client] : [])),
  ];
}

const transportSockets = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3";

/** Key pairs below a folder, as a Secret mounted there has them. */
export function keyPairsBelow(folder: string): KeyPairFiles {
  return ({ secret: { namespace, name } }) => ({
    certificate: `${folder}/${namespace}/${name}/tls.crt`,
    key: `${folder}/${namespace}/${name}/tls.key`,
  });
}

/** The transport socket of a filter chain. `alpn` is empty where the protocol is not HTTP. */
export function downstreamTls(
  { certificates, clients }: ListenerTls, alpn: readonly string[], files: KeyPairFiles,
): Fields {
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${transportSockets}.DownstreamTlsContext`,
      common_tls_context: {
        tls_certificates: certificates.map((certificate) => keyPair(certificate, files)),
        alpn_protocols: alpn.length > 0 ? alpn : undefined,
        validation_context: clients && {
          trusted_ca: { inline_string: clients.caCertificates },
          // The backend learns nothing of the certificate either way; it is the handshake that
          // lets a client in or not.
          trust_chain_verification: clients.required ? undefined : "ACCEPT_UNTRUSTED",
        },
      },
      require_client_certificate: clients?.required ? true : undefined,
    },
  };
}

/** The transport socket of a cluster. */
export function upstreamTls(
  tls: ClusterTls, protocol: Cluster["protocol"], files: KeyPairFiles, systemRoots: string,
): Fields {
  const { hostname, subjectAltNames, caCertificates, client } = tls;
  // Where names are listed, the hostname is for SNI alone (BackendTLSPolicy validation).
  const names = subjectAltNames.length > 0
    ? subjectAltNames
    : [{ kind: "dns" as const, value: hostname }];
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${transportSockets}.UpstreamTlsContext`,
      sni: hostname,
      common_tls_context: {
        // Envoy would otherwise offer nothing, and an HTTP/2 server then speaks HTTP/1.1.
        alpn_protocols: [protocol === "h2c" ? "h2" : "http/1.1"],
        tls_certificates: client && [keyPair(client, files)],
        validation_context: {
          trusted_ca: caCertificates === undefined
            ? { filename: systemRoots }
            : { inline_string: caCertificates },
          match_typed_subject_alt_names: names.map(({ kind, value }) => ({
            san_type: kind === "dns" ? "DNS" : "URI",
            matcher: { exact: value },
          })),
        },
      },
    },
  };
}

function keyPair(certificate: Certificate, files: KeyPairFiles): Fields {
  const found = files(certificate);
  return {
    certificate_chain: { filename: found.certificate },
    private_key: { filename: found.key },
  };
}
