// X.509 certificates for tests. Node can sign and parse them, but not write them: these are the few
// DER structures that takes (RFC 5280 §4.1), with keys on P-256, which are made in no time.

import { generateKeyPairSync, sign, type KeyObject } from "node:crypto";

export interface Issued {
  readonly certificate: string;
  readonly key: string;
  readonly common: string;
  readonly privateKey: KeyObject;
}

export interface Wish {
  readonly common: string;
  /** DNS names, and URIs where there is a colon. */
  readonly names?: readonly string[];
  /** Absent: it signs itself. */
  readonly issuer?: Issued;
  readonly authority?: boolean;
}

const tags = { boolean: 1, integer: 2, bits: 3, octets: 4, oid: 6, utf8: 12, time: 23, sequence: 48,
  set: 49 } as const;
const day = 86_400_000;

let serial = 1;

export function issue({ common, names = [], issuer, authority = false }: Wish): Issued {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ecdsaWithSha256 = sequence(oid([1, 2, 840, 10045, 4, 3, 2]));
  serial += 1;
  const tbs = sequence(
    der(0xa0, der(tags.integer, Buffer.from([2]))),
    der(tags.integer, Buffer.from([1, serial >> 8, serial & 255])),
    ecdsaWithSha256,
    nameOf(issuer?.common ?? common),
    sequence(time(Date.now() - day), time(Date.now() + 30 * day)),
    nameOf(common),
    publicKey.export({ type: "spki", format: "der" }),
    der(0xa3, sequence(
      extension([2, 5, 29, 19], sequence(
        ...(authority ? [der(tags.boolean, Buffer.from([255]))] : []))),
      ...(names.length > 0
        ? [extension([2, 5, 29, 17], sequence(...names.map((name) =>
          der(name.includes(":") ? 0x86 : 0x82, Buffer.from(name)))))]
        : []),
    )),
  );
  const signature = sign("sha256", tbs, issuer?.privateKey ?? privateKey);
  const whole = sequence(tbs, ecdsaWithSha256,
    der(tags.bits, Buffer.concat([Buffer.from([0]), signature])));
  return {
    certificate: pem(whole),
    key: privateKey.export({ type: "pkcs8", format: "pem" }) as string,
    common,
    privateKey,
  };
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  const length = body.length < 128
    ? [body.length]
    : body.length < 256 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 255];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  return der(tags.sequence, ...parts);
}

function oid([first = 0, second = 0, ...rest]: readonly number[]): Buffer {
  const bytes = rest.flatMap((part) => {
    const groups = [part & 127];
    for (let left = part >> 7; left > 0; left >>= 7) groups.unshift(left & 127 | 128);
    return groups;
  });
  return der(tags.oid, Buffer.from([first * 40 + second, ...bytes]));
}

function nameOf(common: string): Buffer {
  return sequence(der(tags.set, sequence(oid([2, 5, 4, 3]), der(tags.utf8, Buffer.from(common)))));
}

/** `YYMMDDhhmmssZ` */
function time(at: number): Buffer {
  const text = new Date(at).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(tags.time, Buffer.from(`${text}Z`));
}

function extension(id: readonly number[], value: Buffer): Buffer {
  return sequence(oid(id), der(tags.octets, value));
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
