// Whether the certificates that Gateways and policies refer to can be used. Reading PEM is a pure
// computation; nothing here looks at a clock, so an expired certificate is not found out.

import { createPrivateKey, X509Certificate } from "node:crypto";
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

const secretFaults = new WeakMap<Resource<DataSpec>, { readonly fault?: string }>();

/** What keeps a Secret from being used as a certificate with its key, or nothing. */
export function secretFault(secret: Resource<DataSpec>): string | undefined {
  const known = secretFaults.get(secret);
  if (known) return known.fault;
  const certificate = secretValue(secret, "tls.crt");
  const key = secretValue(secret, "tls.key");
  const fault = certificate === undefined ? "it has no key `tls.crt`"
    : key === undefined ? "it has no key `tls.key`"
    : keyPairFault(certificate, key);
  secretFaults.set(secret, { fault });
  return fault;
}

/** What keeps a ConfigMap from being used as a bundle of CA certificates, or nothing. */
export function authorityFault(configMap: Resource<DataSpec>): string | undefined {
  const bundle = configMap.spec.data?.["ca.crt"];
  if (bundle === undefined) return "it has no key `ca.crt`";
  const fault = bundleFault(bundle);
  return fault && `its \`ca.crt\` ${fault}`;
}
