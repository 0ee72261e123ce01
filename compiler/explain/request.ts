// The request that `explain` is asked about: METHOD URL -H 'name: value'.

import type { GatewayPort, Ir } from "../ir.ts";
import type { ReferenceRequest } from "../reference.ts";

export interface AskedRequest {
  readonly request: ReferenceRequest;
  readonly url: string;
  readonly scheme: "http" | "https";
  /** The URL's port, or its scheme's. */
  readonly port: number;
}

/** A sentence where the words are no request. */
export function parseRequest(
  words: readonly string[], headers: readonly string[],
): AskedRequest | string {
  const [first, second] = words;
  if (first === undefined) return "explain needs a URL, for instance: GET http://example.com/path";
  if (words.length > 2) return `explain takes [METHOD] URL, not ${words.length} words`;
  const method = second === undefined ? "GET" : first;
  const url = second ?? first;
  // The target is kept as it is written: a URL object would rewrite it.
  const parts = /^(?:(https?):\/\/)?([^/?#]+)([^#]*)$/i.exec(url);
  if (!parts) return `\`${url}\` is no URL; write for instance http://example.com/path`;
  const scheme = parts[1]?.toLowerCase() === "https" ? "https" : "http";
  const urlAuthority = parts[2] ?? "";
  const rest = parts[3] ?? "";
  const pairs: (readonly [string, string])[] = [];
  for (const header of headers) {
    const colon = header.indexOf(":");
    if (colon < 1) return `\`${header}\` is no header; write -H 'name: value'`;
    pairs.push([header.slice(0, colon).trim(), header.slice(colon + 1).trim()]);
  }
  const host = pairs.find(([name]) => name.toLowerCase() === "host")?.[1];
  const port = Number(/:(\d+)$/.exec(urlAuthority)?.[1] ?? (scheme === "https" ? 443 : 80));
  return {
    url, scheme, port,
    request: {
      authority: host ?? urlAuthority,
      target: rest.startsWith("/") ? rest : `/${rest}`,
      method,
      headers: pairs.filter(([name]) => name.toLowerCase() !== "host"),
    },
  };
}

/** Who receives the request. */
export interface Receiver {
  /** `namespace/name`, or the name alone. Absent: any Gateway. */
  readonly gateway?: string;
  /** No Gateway: a workload of the mesh in this namespace sends it to a Service. */
  readonly from?: string;
}

/**
 * The gateway ports that could receive the request: those on its port, else all of them (a local
 * address such as localhost:8080 says nothing about the Gateway's own port).
 */
export function portsFor(
  ir: Ir, asked: AskedRequest, { gateway, from }: Receiver,
): readonly { readonly index: number; readonly gatewayPort: GatewayPort }[] {
  const isApart = ir.gatewayPorts.some(({ mesh }) => mesh?.namespace === from);
  const clients = isApart ? from : "*";
  const all = ir.gatewayPorts.map((gatewayPort, index) => ({ index, gatewayPort }))
    .filter(({ gatewayPort: { gateway: g, mesh } }) => {
      if (from !== undefined || mesh) return from !== undefined && mesh?.namespace === clients;
      return gateway === undefined || gateway === `${g.namespace}/${g.name}` || gateway === g.name;
    });
  const onPort = all.filter(({ gatewayPort }) => gatewayPort.port === asked.port);
  return onPort.length > 0 ? onPort : all;
}
