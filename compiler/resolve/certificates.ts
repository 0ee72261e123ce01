// Whether the certificates that Gateways and policies refer to can be used. Reading PEM is a pure
// computation; nothing here looks at a clock, so an expired certificate is not found out.

import { createPrivateKey, X509Certificate } from "node:crypto";
import type { Certificate } from "../ir.ts";
import type { DataSpec, Resource } from "../resources.ts";

const certificateBlock = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g;

function parse(block: string): X509Certificate | undefined {
  try {
    return new X509Certificate(block);
  } catch {
    return undefined;
  }
}

/** What is wrong with a PEM bundle of certificates, or nothing. */
function bundleFault(pem: string): string | undefined {
  const blocks = pem.match(certificateBlock) ?? [];
  if (blocks.length === 0) return "holds no PEM certificate";
  return blocks.every((block) => parse(block)) ? undefined : "holds a malformed certificate";
}

/** A Secret's value: `stringData` wins over `data`, as the API server has it. */
function secretValue(secret: Resource<DataSpec>, key: string): string | undefined {
  const plain = secret.spec.stringData?.[key];
  if (plain !== undefined) return plain;
  const encoded = secret.spec.data?.[key];
  return encoded === undefined ? undefined : Buffer.from(encoded, "base64").toString("utf8");
}

function keyPairFault(certificate: string, key: string): string | undefined {
  const fault = bundleFault(certificate);
  if (fault) return `its \`tls.crt\` ${fault}`;
  const leaf = parse(certificate.match(certificateBlock)?.[0] ?? "");
  try {
    const paired = leaf?.checkPrivateKey(createPrivateKey(key)) === true;
    return paired ? undefined : "its `tls.key` does not belong to its `tls.crt`";
  } catch {
    return "its `tls.key` holds no usable private key";
  }
}

/** What was sought, or what keeps it from being used. */
export type Usable<Found> = { readonly found: Found } | { readonly fault: string };

function keyPair(secret: Resource<DataSpec>): Usable<Certificate> {
  const certificate = secretValue(secret, "tls.crt");
  const key = secretValue(secret, "tls.key");
  if (certificate === undefined) return { fault: "it has no key `tls.crt`" };
  if (key === undefined) return { fault: "it has no key `tls.key`" };
  const fault = keyPairFault(certificate, key);
  const { namespace, name } = secret.metadata;
  return fault ? { fault } : { found: { secret: { namespace, name }, certificate, key } };
}

const keyPairs = new WeakMap<Resource<DataSpec>, Usable<Certificate>>();

/** A Secret as a certificate with its key. Reading one is slow, and many listeners may name it. */
export function certificateOf(secret: Resource<DataSpec>): Usable<Certificate> {
  const pair = keyPairs.get(secret) ?? keyPair(secret);
  keyPairs.set(secret, pair);
  return pair;
}

/** A ConfigMap as a bundle of CA certificates. */
export function authorityOf(configMap: Resource<DataSpec>): Usable<string> {
  const bundle = configMap.spec.data?.["ca.crt"];
  if (bundle === undefined) return { fault: "it has no key `ca.crt`" };
  const fault = bundleFault(bundle);
  return fault ? { fault: `its \`ca.crt\` ${fault}` } : { found: bundle };
}

/**
 * A Secret as Istio reads the authorities of a `credentialName` from it. Absent: it holds none.
 */
export function secretAuthority(
  secret: Resource<DataSpec>,
): Usable<{ readonly certificates: string; readonly crl?: string }> | undefined {
  for (const [key, crlKey] of [["cacert", "crl"], ["ca.crt", "ca.crl"]] as const) {
    const certificates = secretValue(secret, key);
    if (!certificates) continue;
    const fault = bundleFault(certificates);
    if (fault) return { fault: `its \`${key}\` ${fault}` };
    const crl = secretValue(secret, crlKey);
    return { found: { certificates, ...(crl ? { crl } : {}) } };
  }
  return undefined;
}

/** Bundles as one; a file of PEM blocks need not end its last line. */
export function joinPem(bundles: readonly string[]): string {
  return bundles.map((pem) => (pem.endsWith("\n") ? pem : `${pem}\n`)).join("");
}
