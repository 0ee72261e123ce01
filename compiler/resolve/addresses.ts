// The addresses that a Gateway asks for. A compiler cannot ask the network whether an address is
// free; what it can see is a type that it does not know, and an address that no host can have.

import { BlockList, isIP } from "node:net";
import type { GatewaySpec, Resource } from "../resources.ts";
import { list, type Report } from "./report.ts";
import type { Address } from "./resolved.ts";

/** What a Gateway gets that asks for nothing: the address where `fairlead dev` serves it. */
const assigned: Readonly<Record<string, string>> = {
  IPAddress: "127.0.0.1",
  Hostname: "localhost",
};

// Unspecified, documentation, multicast and reserved ranges (RFC 6890, RFC 5737, RFC 3849,
// RFC 9637, RFC 1112).
const unusable = new BlockList();
for (const [net, bits] of [
  ["0.0.0.0", 8], ["192.0.2.0", 24], ["198.51.100.0", 24], ["203.0.113.0", 24],
  ["224.0.0.0", 4], ["240.0.0.0", 4],
] as const) unusable.addSubnet(net, bits, "ipv4");
for (const [net, bits] of [
  ["::", 128], ["2001:db8::", 32], ["3fff::", 20], ["ff00::", 8],
] as const) {
  unusable.addSubnet(net, bits, "ipv6");
}

function isUsable({ type, value }: Address): boolean {
  if (type !== "IPAddress") return true;
  const version = isIP(value);
  return version !== 0 && !unusable.check(value, version === 4 ? "ipv4" : "ipv6");
}

export interface Addresses {
  readonly addresses: readonly Address[];
  /** Why the Gateway cannot be accepted. */
  readonly unsupported?: string;
  /** Why it cannot be programmed. */
  readonly notUsable?: string;
}

export function resolveAddresses(gateway: Resource<GatewaySpec>, report: Report): Addresses {
  const asked = gateway.spec.addresses ?? [];
  if (asked.length === 0) return { addresses: [{ type: "IPAddress", value: "127.0.0.1" }] };
  const strange = asked.filter((a) => assigned[a.type] === undefined);
  asked.forEach((address, index) => {
    if (assigned[address.type] !== undefined) return;
    report.say(gateway, ["spec", "addresses", index, "type"], {
      code: "FL0504", title: `address type \`${address.type}\` is not supported`,
      effect: "the Gateway serves no requests",
      help: `supported are ${list(Object.keys(assigned))}`,
    });
  });
  const able = asked.filter((a) => assigned[a.type] !== undefined)
    .map((a) => ({ type: a.type, value: a.value || (assigned[a.type] ?? "") }));
  const bad = able.filter((a) => !isUsable(a));
  asked.forEach((address, index) => {
    if (!address.value || !bad.some((b) => b.value === address.value)) return;
    report.say(gateway, ["spec", "addresses", index, "value"], {
      code: "FL0504", title: `no host can have the address \`${address.value}\``,
      effect: "the Gateway cannot be programmed with it",
    });
  });
  const badText = list(bad.map((a) => a.value));
  return {
    addresses: able.filter(isUsable),
    ...(strange.length ? {
      unsupported: `address type ${list(strange.map((a) => a.type))} is not supported`,
    } : {}),
    ...(bad.length ? { notUsable: `no host can have address ${badText}` } : {}),
  };
}
