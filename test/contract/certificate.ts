// A self-signed certificate, made afresh: node can sign but not build certificates, so the few
// structures of X.509 that a parser wants are written here. P-256 is what Envoy takes.

import { generateKeyPairSync, sign } from "node:crypto";

type Part = Buffer | readonly number[] | string;

function der(tag: number, ...parts: readonly Part[]): Buffer {
  const body = Buffer.concat(parts.map((p) =>
    (typeof p === "string" ? Buffer.from(p) : Buffer.from(p as Buffer))));
  const { length } = body;
  const head = length < 128 ? [tag, length]
    : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
/** ecdsa-with-SHA256. */
const algorithm = sequence(der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]));

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export function makeCertificate(common: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const name = sequence(der(0x31, sequence(der(0x06, [0x55, 0x04, 0x03]), der(0x0c, common))));
  const body = sequence(
    der(0x02, [1]), algorithm, name,
    sequence(der(0x17, "260101000000Z"), der(0x17, "460101000000Z")),
    name, publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(0x03, [0], sign("sha256", body, privateKey));
  return {
    certificate: pem("CERTIFICATE", sequence(body, algorithm, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
