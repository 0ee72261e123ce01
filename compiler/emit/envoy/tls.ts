// TLS on both sides of Envoy: as a listener ends it, and as a cluster begins it.

import type { Certificate, ClusterTls, Ir, ListenerTls } from "../../ir.ts";
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

/** The transport socket of a cluster. Without `alpn` Envoy offers what each connection speaks. */
export function upstreamTls(
  tls: ClusterTls, alpn: readonly string[], files: KeyPairFiles, systemRoots: string,
): Fields {
  const { hostname, client } = tls;
  const certificate = clientFiles(tls) ?? (client && keyPair(client, files));
  return {
    name: "envoy.transport_sockets.tls",
    typed_config: {
      "@type": `${transportSockets}.UpstreamTlsContext`,
      // A request's own host takes its place where there is `auto_sni`.
      sni: hostname,
      common_tls_context: {
        // Envoy's own upper end for what it begins itself is TLS 1.2. Istio raises it.
        tls_params: {
          tls_minimum_protocol_version: "TLSv1_2", tls_maximum_protocol_version: "TLSv1_3",
        },
        alpn_protocols: alpn.length > 0 ? alpn : undefined,
        tls_certificates: certificate && [certificate],
        validation_context: tls.insecureSkipVerify ? undefined : validation(tls, systemRoots),
      },
    },
  };
}

function validation(tls: ClusterTls, systemRoots: string): Fields {
  const { caCertificates, crl, files } = tls;
  const names = requiredNames(tls);
  return {
    trusted_ca: pem(files?.caCertificates, caCertificates) ?? { filename: systemRoots },
    crl: pem(files?.caCrl, crl),
    match_typed_subject_alt_names: names.length === 0 ? undefined
      : names.map(({ kind, value }) => ({
        san_type: kind === "dns" ? "DNS" : "URI", matcher: { exact: value },
      })),
  };
}

/** Where names are listed, the hostname is for SNI alone (BackendTLSPolicy validation). */
function requiredNames(tls: ClusterTls): ClusterTls["subjectAltNames"] {
  if (tls.subjectAltNames.length > 0) return tls.subjectAltNames;
  if (tls.anyName || tls.autoSni) return [];
  return [{ kind: "dns", value: tls.hostname }];
}

function pem(filename: string | undefined, inline: string | undefined): Fields | undefined {
  if (filename !== undefined) return { filename };
  return inline === undefined ? undefined : { inline_string: inline };
}

function clientFiles({ files }: ClusterTls): Fields | undefined {
  if (files?.clientCertificate === undefined || files.privateKey === undefined) return undefined;
  return {
    certificate_chain: { filename: files.clientCertificate },
    private_key: { filename: files.privateKey },
  };
}

function keyPair(certificate: Certificate, files: KeyPairFiles): Fields {
  const found = files(certificate);
  return {
    certificate_chain: { filename: found.certificate },
    private_key: { filename: found.key },
  };
}
