// TLS from a real Envoy to its backends: whose certificate is believed, by which name, and which
// one is shown.

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Certificate, Cluster, ClusterPolicy, ClusterTls } from "../../compiler/ir.ts";
import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { ok, startFaulty, type FaultyBackend } from "../backends/faulty.ts";
import { envoyOrReason } from "./binary.ts";
import { issue, type Issued } from "./certificates.ts";
import { ask, cluster, gatewayPort, ir, staticConfig, withRoutes, type Answer } from "./world.ts";

const { reason } = await envoyOrReason();

const authority = issue({ common: "authority", authority: true });
const stranger = issue({ common: "stranger", authority: true });
const site = issue({ common: "site", issuer: authority, names: ["site.example", "spiffe://a/b"] });
const member = issue({ common: "member", issuer: authority });

const client: Certificate = {
  secret: { namespace: "demo", name: "member" }, certificate: member.certificate, key: member.key,
};
const base: ClusterTls = {
  hostname: "site.example", subjectAltNames: [], caCertificates: authority.certificate,
};
const foreign = { ...base, caCertificates: stranger.certificate };
const wrong = { ...base, hostname: "wrong.example" };

/** What a case expects: an answer, or that there is none. Without a name: plain TLS. */
interface Case {
  readonly tls: ClusterTls;
  readonly works: boolean;
  readonly policy?: ClusterPolicy;
  readonly to?: "secure" | "mutual" | "modern" | "proxied";
  /** SNI and the client's name, as the backend sees them. */
  readonly sees?: { readonly serverName?: string; readonly clientName?: string };
}

const cases: Readonly<Record<string, Case>> = {
  "the authority and the name are right": {
    tls: base, works: true, sees: { serverName: "site.example" } },
  "an authority that is not known": { tls: foreign, works: false },
  "a name that the certificate does not have": { tls: wrong, works: false },
  "any name will do": {
    tls: { ...wrong, anyName: true }, works: true, sees: { serverName: "wrong.example" } },
  "any name will do, but not any authority": { tls: { ...foreign, anyName: true }, works: false },
  "any certificate will do": {
    tls: { ...foreign, ...wrong, caCertificates: stranger.certificate, insecureSkipVerify: true },
    works: true, sees: { serverName: "wrong.example" } },
  "a listed DNS name": {
    tls: { ...wrong, subjectAltNames: [{ kind: "dns", value: "site.example" }] }, works: true },
  "a listed URI": {
    tls: { ...wrong, subjectAltNames: [{ kind: "uri", value: "spiffe://a/b" }] }, works: true },
  "a listed name that the certificate does not have": {
    tls: { ...base, subjectAltNames: [{ kind: "dns", value: "other.example" }] }, works: false },
  "the request's host": {
    tls: { ...wrong, autoSni: true }, works: true, sees: { serverName: "site.example" } },
  "the client's certificate, from a Secret": {
    tls: { ...base, client }, works: true, to: "mutual", sees: { clientName: "member" } },
  "no client certificate where one is asked for": { tls: base, works: false, to: "mutual" },
  "a backend that speaks nothing below TLS 1.3": { tls: base, works: true, to: "modern" },
  "behind a PROXY protocol header": {
    tls: base, works: true, to: "proxied", policy: { proxyProtocol: "V1" },
    sees: { serverName: "site.example" } },
  "in the client's version of HTTP": {
    tls: base, works: true, policy: { useClientProtocol: true } },
};

describe.skipIf(reason)(`TLS to a backend${reason}`, { timeout: 60_000 }, () => {
  const backends = new Map<string, FaultyBackend>();
  let folder: string;
  let envoy: RunningEnvoy;
  let address: string;

  async function place(path: string, { certificate, key }: Issued): Promise<void> {
    await mkdir(path, { recursive: true });
    await writeFile(join(path, "tls.crt"), certificate);
    await writeFile(join(path, "tls.key"), key, { mode: 0o600 });
  }

  beforeAll(async () => {
    const pair = { cert: site.certificate, key: site.key };
    const start = async (name: string, more: Parameters<typeof startFaulty>[2]): Promise<void> =>
      void backends.set(name, await startFaulty(name, [ok], more));
    await start("secure", { tls: pair });
    await start("mutual", {
      tls: { ...pair, ca: authority.certificate, requestCert: true, rejectUnauthorized: true } });
    await start("modern", { tls: { ...pair, minVersion: "TLSv1.3" } });
    await start("proxied", { tls: pair, proxyProtocol: 1 });
    folder = await mkdtemp(join(tmpdir(), "fairlead-backend-tls-"));
    await place(join(folder, "demo", "member"), member);
    await place(join(folder, "files"), member);
    await writeFile(join(folder, "files", "ca.crt"), authority.certificate);
    const byPath: Case = { works: true, to: "mutual", sees: { clientName: "member" }, tls: {
      hostname: "site.example", subjectAltNames: [], files: {
        caCertificates: join(folder, "files", "ca.crt"),
        clientCertificate: join(folder, "files", "tls.crt"),
        privateKey: join(folder, "files", "tls.key"),
      } } };
    all.set("files", byPath);
    const clusters = [...all].map(([, { tls, to = "secure", policy }], i): Cluster =>
      ({ ...cluster(`c${i}`, [backends.get(to)!.address], policy), tls }));
    const routes = Object.fromEntries(clusters.map((_, i) => [`/${i}`, [[i, 1]] as const]));
    const routed = ir([withRoutes(gatewayPort("shop", 80), routes)], clusters);
    envoy = await startEnvoy({ config: staticConfig(routed, undefined, { tlsDir: folder }) });
    address = (await envoy.admin.listeners()).get("demo/shop:80")!;
  });
  afterAll(async () => {
    await envoy?.stop();
    await Promise.all([...backends.values()].map((backend) => backend.close()));
    await rm(folder, { recursive: true, force: true });
  });
  beforeEach(() => {
    for (const backend of backends.values()) backend.forget();
  });

  const all = new Map(Object.entries(cases));
  const send = (name: string): Promise<Answer> =>
    ask(address, { path: `/${[...all.keys()].indexOf(name)}`, headers: { host: "site.example" } });

  test.each([...Object.keys(cases), "files"])("%s", async (name) => {
    const { works, to = "secure", sees = {} } = all.get(name)!;
    const answer = await send(name);
    expect([answer.status, answer.body.slice(0, 8)])
      .toEqual(works ? [200, to] : [503, "upstream"]);
    const { requests } = backends.get(to)!;
    expect(requests).toHaveLength(works ? 1 : 0);
    if (works) expect(requests[0]).toMatchObject(sees);
  });
});
