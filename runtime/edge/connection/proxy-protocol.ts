// The PROXY protocol's header (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt): who
// the client is, told before the first byte of HTTP. The worker knows the client's address and
// neither its port nor where it connected to: these are zero and the unspecified address.

import { isIpAddress } from "../config.ts";

const encoder = new TextEncoder();
const signature = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a];
const local = 0x20;
const proxied = 0x21;
const tcpOver4 = 0x11;
const tcpOver6 = 0x21;

/** Without an address (`client`) the header says that nobody is known. */
export function proxyHeader(version: "V1" | "V2", client: string | undefined): Uint8Array {
  const known = client !== undefined && isIpAddress(client) ? client : undefined;
  return version === "V1" ? text(known) : binary(known);
}

function text(client: string | undefined): Uint8Array {
  if (client === undefined) return encoder.encode("PROXY UNKNOWN\r\n");
  const [family, anywhere] = client.includes(":") ? ["TCP6", "::"] : ["TCP4", "0.0.0.0"];
  return encoder.encode(`PROXY ${family} ${client} ${anywhere} 0 0\r\n`);
}

function binary(client: string | undefined): Uint8Array {
  if (client === undefined) return Uint8Array.from([...signature, local, 0, 0, 0]);
  const is6 = client.includes(":");
  const address = is6 ? bytes6(client) : client.split(".").map(Number);
  // Both addresses, both ports.
  const length = 2 * address.length + 4;
  const bytes = new Uint8Array(16 + length);
  bytes.set([...signature, proxied, is6 ? tcpOver6 : tcpOver4, 0, length, ...address]);
  return bytes;
}

/** `::` stands for as many groups as are missing. */
function bytes6(address: string): number[] {
  // The parser of URLs turns the last two groups' dotted form into groups.
  const plain = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const [front = "", back] = plain.split("::");
  const groups = (part: string): number[] =>
    part.split(":").filter((group) => group !== "").map((group) => parseInt(group, 16));
  const [first, last] = [groups(front), groups(back ?? "")];
  const missing = back === undefined ? 0 : 8 - first.length - last.length;
  return [...first, ...Array.from({ length: missing }, () => 0), ...last]
    .flatMap((group) => [group >> 8, group & 255]);
}
