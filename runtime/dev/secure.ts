// How an HTTPS gateway port ends TLS in `fairlead dev`. On the platform that is the platform's.
// The listener is chosen by the server name that the client asks for, as in our Envoy target: the
// most specific hostname counts, and a name that no listener has is refused.

import * as tls from "node:tls";

import type { GatewayPort, ListenerTls } from "../../compiler/ir.ts";
import { canonicalHost, compareSpecificity, covers } from "../../compiler/resolve/hostname.ts";

export interface Security {
  readonly server: tls.Server;
  /**
   * Whether a request for `host` came in on a connection that was made to another listener. A host
   * that is no listener's is not for TLS to refuse.
   */
  isMisdirected(serverName: string | undefined, host: string): boolean;
}

/** Throws where a certificate cannot be used. */
export function secure(
  { listeners }: GatewayPort,
  accept: (socket: tls.TLSSocket) => void,
): Security {
  const byHostname = new Map<string, ListenerTls>();
  for (const { hostname, tls: own } of listeners) {
    const name = canonicalHost(hostname);
    if (own !== undefined && !byHostname.has(name)) byHostname.set(name, own);
  }
  const contexts = new Map([...byHostname].map(([name, own]) => [name, contextOf(own)]));
  const find = (name: string): string | undefined => mostSpecific([...byHostname.keys()], name);
  // A Gateway asks all of a port's clients for certificates, or none.
  const clients = [...byHostname.values()].find((own) => own.clients !== undefined)?.clients;
  const fallback = byHostname.get("*");
  const server = tls.createServer({
    ...(fallback && optionsOf(fallback)),
    ALPNProtocols: ["h2", "http/1.1"],
    SNICallback: (name, done) => {
      const context = contexts.get(find(plainHost(name)) ?? "");
      if (context === undefined) done(new Error(`no listener for ${name}`));
      else done(null, context);
    },
    requestCert: clients !== undefined,
    rejectUnauthorized: clients?.required === true,
  });
  server.on("secureConnection", accept);
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return {
    server,
    isMisdirected: (serverName, host) => {
      const wanted = find(plainHost(host));
      const came = serverName === undefined ? "*" : find(plainHost(serverName));
      return wanted !== undefined && wanted !== came;
    },
  };
}

function contextOf(own: ListenerTls): tls.SecureContext {
  return tls.createSecureContext(optionsOf(own));
}

function optionsOf({ certificates, clients }: ListenerTls): tls.SecureContextOptions {
  return {
    cert: certificates.map(({ certificate }) => certificate),
    key: certificates.map(({ key }) => key),
    ca: clients?.caCertificates,
  };
}

/** Lower case, without a port and without a trailing dot. */
function plainHost(host: string): string {
  return host.toLowerCase().replace(/:[0-9]*$/, "").replace(/\.$/, "");
}

function mostSpecific(hostnames: readonly string[], name: string): string | undefined {
  return hostnames.filter((hostname) => covers(hostname, name)).sort(compareSpecificity)[0];
}
