// TLS at a real Envoy: listeners told apart by server name, clients with certificates, requests on
// the wrong listener's connection, and TLS to backends.

import { request as requestHttps, createServer as createHttps } from "node:https";
import { connect as connectHttp2 } from "node:http2";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import type { Certificate, Cluster, ClusterTls, GatewayListener, GatewayPort, Ir, ListenerTls }
  from "../../compiler/ir.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { envoyOrReason } from "./binary.ts";
import { issue, type Issued } from "./certificates.ts";
import { buildToy, pickingSource, steeringSource } from "./toy.ts";
import { cluster, filterFor, gatewayPort, ir, startBackend, staticConfig, withRoutes,
  type Backend } from "./world.ts";

const { reason } = await envoyOrReason();

const authority = issue({ common: "test authority", authority: true });
const stranger = issue({ common: "another authority", authority: true });
const site = issue({ common: "site", issuer: authority,
  names: ["example.org", "second-example.org", "*.wildcard.org"] });

const ofSite: Certificate = {
  secret: { namespace: "demo", name: "site" }, certificate: site.certificate, key: site.key,
};
const plainTls: ListenerTls = { certificates: [ofSite] };

/** Listener name → hostname, on one HTTPS port. */
function httpsPort(
  listeners: Readonly<Record<string, string | undefined>>, tls: ListenerTls = plainTls,
): GatewayPort {
  return {
    ...gatewayPort("shop", 443),
    protocol: "HTTPS",
    listeners: Object.entries(listeners).map(([name, hostname]): GatewayListener =>
      (hostname === undefined ? { name, tls } : { name, hostname, tls })),
  };
}

describe.skipIf(reason)(`TLS${reason}`, { timeout: 60_000 }, () => {
  let backend: Backend;
  let tlsDir: string;
  let envoy: RunningEnvoy | undefined;

  beforeAll(async () => {
    backend = await startBackend("one");
    tlsDir = await mkdtemp(join(tmpdir(), "fairlead-tls-"));
    await placePair("site", site);
    await placePair("client", issue({ common: "client", issuer: authority }));
  });
  afterAll(async () => {
    await backend.close();
    await rm(tlsDir, { recursive: true, force: true });
  });
  afterEach(async () => {
    await envoy?.stop();
    envoy = undefined;
    backend.seen.splice(0);
  });

  async function placePair(secret: string, { certificate, key }: Issued): Promise<void> {
    const folder = join(tlsDir, "demo", secret);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "tls.crt"), certificate);
    await writeFile(join(folder, "tls.key"), key, { mode: 0o600 });
  }

  async function run(routed: Ir, wasm = filterFor(routed)): Promise<number> {
    const config = staticConfig(routed, wasm, { tlsDir });
    expect(config).not.toContain("PRIVATE KEY");
    envoy = await startEnvoy({ config });
    return Number((await envoy.admin.listeners()).get("demo/shop:443")!.split(":")[1]);
  }

  const toOne = (port: GatewayPort): Ir =>
    ir([withRoutes(port, { "/app": [[0, 1]] })], [cluster("one", [backend.address])]);

  test("a listener ends TLS for HTTP/1.1 and HTTP/2", async () => {
    const port = await run(toOne(httpsPort({ https: undefined })));
    expect(await ask(port, { host: "example.org", path: "/app" })).toEqual([200, "one"]);
    expect(await ask(port, { host: "example.org", path: "/other" })).toEqual([404, ""]);
    expect(await ask2(port, "example.org", "example.org")).toBe(200);
    expect(backend.seen[0]!.headers).toMatchObject({ "x-forwarded-proto": "https" });
    expect(await alpn(port, ["h2", "http/1.1"])).toBe("h2");
    expect(await alpn(port, ["http/1.1"])).toBe("http/1.1");
  });

  test("each hostname has its own certificate, and a foreign one no connection", async () => {
    const other = issue({ common: "other", names: ["other.example"], issuer: authority });
    await placePair("other", other);
    const both = httpsPort({ a: "example.org" });
    const tls = { certificates: [{ ...ofSite, secret: { namespace: "demo", name: "other" } }] };
    const port = await run(toOne(
      { ...both, listeners: [...both.listeners, { name: "b", hostname: "other.example", tls }] }));
    expect(await commonName(port, "example.org")).toBe("site");
    expect(await commonName(port, "other.example")).toBe("other");
    await expect(commonName(port, "foreign.example")).rejects.toThrow();
    await expect(commonName(port, undefined)).rejects.toThrow();
  });

  // Gateway API: 421 where another listener of the port is the one for the request's host.
  const listeners = {
    "https": undefined, "second": "second-example.org", "wild": "*.wildcard.org",
    "exact": "fourth.wildcard.org",
  };
  const misdirected = [
    ["example.org", "example.org", 200],
    ["example.org", "second-example.org", 421],
    ["example.org", "unknown.example", 200],
    ["second-example.org", "second-example.org", 200],
    ["second-example.org", "SECOND-example.org:443", 200],
    ["second-example.org", "second-example.org.", 200],
    ["second-example.org", "example.org", 421],
    ["second-example.org", "unknown.example", 421],
    ["third.wildcard.org", "third.wildcard.org", 200],
    ["third.wildcard.org", "fifth.wildcard.org", 200],
    ["third.wildcard.org", "a.b.wildcard.org.", 200],
    ["third.wildcard.org", "fourth.wildcard.org", 421],
    ["third.wildcard.org", "fourth.wildcard.org:8443", 421],
    ["third.wildcard.org", "wildcard.org", 421],
    ["fourth.wildcard.org", "fourth.wildcard.org", 200],
    ["fourth.wildcard.org", "fifth.wildcard.org", 421],
    ["unknown.example", "example.org", 200],
    ["unknown.example", "Fourth.Wildcard.org.", 421],
  ] as const;

  test("a request for another listener's host is misdirected", async () => {
    const port = await run(toOne(httpsPort(listeners)),
      await buildToy(steeringSource(cluster("one", []).name)));
    for (const [sni, host, status] of misdirected) {
      expect([sni, host, await ask2(port, sni, host)]).toEqual([sni, host, status]);
    }
  });

  test("without a listener for every host, other hosts are the filter's to refuse", async () => {
    const port = await run(toOne(httpsPort({ one: "example.org", two: "second-example.org" })));
    expect(await ask2(port, "example.org", "example.org")).toBe(200);
    expect(await ask2(port, "example.org", "second-example.org")).toBe(421);
    // The test's table routes every host; what counts is that it was asked.
    expect(await ask2(port, "example.org", "unknown.example")).toBe(200);
  });

  test("a host that the filter has rewritten is not misdirected", async () => {
    const port = await run(toOne(httpsPort(listeners)), await buildToy(pickingSource));
    const headers = { "x-pick-cluster": cluster("one", []).name };
    const rewritten = { ...headers, "x-pick-authority": "second-example.org" };
    expect(await ask2(port, "example.org", "example.org", rewritten)).toBe(200);
    expect(backend.seen.at(-1)!.headers.host).toBe("second-example.org");
    expect(await ask2(port, "example.org", "second-example.org", headers)).toBe(421);
  });

  test("client certificates are required where a Gateway says so", async () => {
    const clients = { caCertificates: authority.certificate, required: true };
    const port = await run(toOne(httpsPort({ https: undefined }, { ...plainTls, clients })));
    const known = issue({ common: "client", issuer: authority });
    const unknown = issue({ common: "client", issuer: stranger });
    expect(await ask(port, { client: known, path: "/app" })).toEqual([200, "one"]);
    await expect(ask(port, { client: unknown, path: "/app" })).rejects.toThrow();
    await expect(ask(port, { path: "/app" })).rejects.toThrow();
  });

  test("with a fallback every client is let in, and still asked", async () => {
    const clients = { caCertificates: authority.certificate, required: false };
    const port = await run(toOne(httpsPort({ https: undefined }, { ...plainTls, clients })));
    for (const issuer of [authority, stranger]) {
      const client = issue({ common: "client", issuer });
      expect(await ask(port, { client, path: "/app" })).toEqual([200, "one"]);
    }
    expect(await ask(port, { path: "/app" })).toEqual([200, "one"]);
  });

  // --- To backends -----------------------------------------------------------------------------

  const trusting: ClusterTls = {
    hostname: "backend.example", subjectAltNames: [], caCertificates: authority.certificate,
  };
  const names = ["backend.example", "alt.example", "spiffe://demo/backend"];
  const withPair: Certificate = { ...ofSite, secret: { namespace: "demo", name: "client" } };
  const san = (kind: "dns" | "uri", value: string): ClusterTls =>
    ({ ...trusting, hostname: "only-sni.example", subjectAltNames: [{ kind, value }] });

  test.each([
    ["its hostname", trusting, 200],
    ["another hostname", { ...trusting, hostname: "other.example" }, 503],
    ["another authority", { ...trusting, caCertificates: stranger.certificate }, 503],
    ["a DNS name in place of the hostname", san("dns", "alt.example"), 200],
    ["a foreign DNS name", san("dns", "foreign.example"), 503],
    ["a URI", san("uri", "spiffe://demo/backend"), 200],
    ["a foreign URI", san("uri", "spiffe://demo/other"), 503],
    ["the system's roots", { hostname: "backend.example", subjectAltNames: [] }, 503],
    ["a client certificate", { ...trusting, client: withPair }, 200],
  ] as const)("a backend is trusted by %s", async (_, tls, status) => {
    const seen: { sni: unknown; client: unknown; alpn: unknown }[] = [];
    const pair = issue({ common: "backend", names, issuer: authority });
    const server = createHttps({ cert: pair.certificate, key: pair.key, requestCert: true,
      rejectUnauthorized: false, ca: authority.certificate }, (incoming, response) => {
      const socket = incoming.socket as TLSSocket & { servername: unknown };
      const { subject } = socket.getPeerCertificate();
      seen.push({ sni: socket.servername, client: subject?.CN, alpn: socket.alpnProtocol });
      response.end("secret");
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port: upstream } = server.address() as AddressInfo;
    const secure: Cluster = { ...cluster("one", [{ address: "127.0.0.1", port: upstream }]), tls };
    const port = await run(ir([withRoutes(httpsPort({ https: undefined }), { "": [[0, 1]] })],
      [secure]));
    expect((await ask(port, { path: "/" }))[0]).toBe(status);
    expect(seen).toEqual(status === 200
      ? [{ sni: tls.hostname, client: "client" in tls ? "client" : undefined, alpn: "http/1.1" }]
      : []);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  // --- Clients ---------------------------------------------------------------------------------

  interface Ask {
    readonly host?: string;
    readonly path: string;
    readonly client?: Issued;
  }

  function ask(
    port: number, { host = "example.org", path, client }: Ask,
  ): Promise<[number, string]> {
    return new Promise((resolve, reject) => {
      const outgoing = requestHttps({
        host: "127.0.0.1", port, path, agent: false, timeout: 10_000, headers: { host },
        servername: host, ca: authority.certificate,
        ...(client && { cert: client.certificate, key: client.key }),
      }, (response) => {
        let body = "";
        response.setEncoding("utf8").on("data", (chunk: string) => { body += chunk; });
        response.on("end", () => resolve([response.statusCode ?? 0, body]));
      });
      outgoing.on("error", reject);
      outgoing.end();
    });
  }

  function ask2(
    port: number, servername: string, host: string, headers: Record<string, string> = {},
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      const session = connectHttp2(`https://127.0.0.1:${port}`,
        { servername, rejectUnauthorized: false });
      session.on("error", reject);
      const stream = session.request({ ":path": "/app", ":authority": host, ...headers });
      stream.on("response", (got) => resolve(Number(got[":status"])));
      stream.on("error", reject);
      stream.on("close", () => session.close());
      stream.resume();
      stream.end();
    });
  }

  function handshake(
    port: number, servername: string | undefined, protocols?: string[],
  ): Promise<TLSSocket> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false,
        ...(servername && { servername }), ...(protocols && { ALPNProtocols: protocols }) });
      socket.on("secureConnect", () => resolve(socket));
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("closed in the handshake")));
    });
  }

  async function commonName(port: number, servername: string | undefined): Promise<string> {
    const socket = await handshake(port, servername);
    const { subject } = socket.getPeerCertificate();
    socket.destroy();
    return String(subject?.CN ?? "");
  }

  async function alpn(port: number, protocols: string[]): Promise<unknown> {
    const socket = await handshake(port, "example.org", protocols);
    socket.destroy();
    return socket.alpnProtocol;
  }
});
