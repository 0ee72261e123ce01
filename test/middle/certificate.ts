// A self-signed certificate with its key, made afresh: node can sign but not build certificates, so
// the few structures of X.509 that a parser wants are written here. Ed25519 keeps them short.

import { generateKeyPairSync, sign } from "node:crypto";

function der(tag: number, ...parts: readonly (Buffer | readonly number[] | string)[]): Buffer {
  const body = Buffer.concat(parts.map((p) =>
    typeof p === "string" ? Buffer.from(p) : Buffer.from(p as Buffer)));
  const { length } = body;
  const head = length < 128 ? [tag, length]
    : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), body]);
}

const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const ed25519 = sequence(der(0x06, [0x2b, 0x65, 0x70]));

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export function makeCertificate(common: string): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const name = sequence(der(0x31, sequence(der(0x06, [0x55, 0x04, 0x03]), der(0x0c, common))));
  const body = sequence(
    der(0x02, [1]), ed25519, name,
    sequence(der(0x17, "260101000000Z"), der(0x17, "460101000000Z")),
    name, publicKey.export({ type: "spki", format: "der" }),
  );
  const signature = der(0x03, [0], sign(null, body, privateKey));
  return {
    certificate: pem("CERTIFICATE", sequence(body, ed25519, signature)),
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}
