// Images to a real registry, read back by what is not ours.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import {
  createServer, request, type IncomingMessage, type Server, type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findCredentials } from "../../compiler/image/credentials.ts";
import { makeImage, manifestMediaType } from "../../compiler/image/image.ts";
import type { ImageReference } from "../../compiler/image/reference.ts";
import { pushImage } from "../../compiler/image/registry.ts";
import { issue } from "../envoy/certificates.ts";
import { registryBinary, startRegistry, type Registry } from "./registry-process.ts";

const filterWasm = new TextEncoder().encode("a filter of no use ".repeat(100));
const image = makeImage({ filterWasm, form: "compat", annotations: { a: "b" } });
const binary = await registryBinary();
const path = "path" in binary ? binary.path : "";
const reason = "reason" in binary ? ` (left out: ${binary.reason})` : "";

const run = promisify(execFile);
const skopeo = (process.env["PATH"] ?? "").split(delimiter)
  .map((folder) => join(folder, "skopeo")).find(existsSync);

const to = (registry: string): ImageReference =>
  ({ registry, repository: "shop/filter", tag: "v1" });

async function manifestAt(origin: string, headers: Record<string, string> = {}): Promise<unknown> {
  const answer = await fetch(`${origin}/v2/shop/filter/manifests/v1`, {
    headers: { accept: manifestMediaType, ...headers },
  });
  return answer.status === 200 ? answer.json() : answer.status;
}

interface Front {
  readonly address: string;
  readonly close: () => Promise<unknown>;
}

type Handler = (message: IncomingMessage, response: ServerResponse) => boolean;

/** Before the registry: `handle` answers by itself (true) or lets the request through (false). */
async function front(port: number, handle: Handler): Promise<Front> {
  const server: Server = createServer((message, response) => {
    if (handle(message, response)) return;
    const { method, url = "/", headers } = message;
    const onward = request({ host: "127.0.0.1", port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    message.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port: own } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${own}`,
    close: () => new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    }),
  };
}

describe.skipIf(path === "")(`a registry${reason}`, () => {
  let plain: Registry;
  beforeAll(async () => {
    plain = await startRegistry(path);
  });
  afterAll(() => plain.stop());

  test("in plain text on this machine, takes an image; a second push sends no blob", async () => {
    const first = await pushImage(image, to(plain.address));
    expect(first).toEqual({ digest: image.manifest.digest, sentCount: 2 });
    expect(await manifestAt(`http://${plain.address}`))
      .toEqual(JSON.parse(new TextDecoder().decode(image.manifest.bytes)));
    for (const { digest, bytes } of image.blobs) {
      const answer = await fetch(`http://${plain.address}/v2/shop/filter/blobs/${digest}`);
      expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
    }
    expect((await pushImage(image, to(plain.address))).sentCount).toBe(0);
  });

  test.skipIf(skopeo === undefined)("hands it to another client (needs skopeo)", async () => {
    await pushImage(image, to(plain.address));
    const folder = await mkdtemp(join(tmpdir(), "fairlead-skopeo-"));
    try {
      const from = `docker://${plain.address}/shop/filter:v1`;
      await run(skopeo ?? "", ["copy", "--src-tls-verify=false", from, `oci:${folder}:v1`]);
      const index = JSON.parse(await readFile(join(folder, "index.json"), "utf8"));
      expect(index.manifests[0].digest).toBe(image.manifest.digest);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  test("takes the artifact form", async () => {
    const artifact = makeImage({ filterWasm, form: "artifact", annotations: {} });
    const reference = { ...to(plain.address), repository: "shop/artifact" };
    expect((await pushImage(artifact, reference)).digest).toBe(artifact.manifest.digest);
  });

  test("that fails for a moment is asked again", async () => {
    const failures = new Map<string, number>();
    const flaky = await front(plain.port, (message, response) => {
      const key = `${message.method} ${message.url?.replace(/[?].*|[\da-f-]{36}.*/, "")}`;
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      if (count > 1) return false;
      // Once a 503, once a connection that breaks.
      if (count === 0) response.writeHead(503).end();
      else message.socket.destroy();
      return true;
    });
    try {
      const reference = { ...to(flaky.address), repository: "shop/flaky" };
      const pushed = await pushImage(image, reference, { retryAfterMs: 5 });
      expect(pushed.sentCount).toBe(2);
      expect([...failures.values()].every((count) => count > 1)).toBe(true);
    } finally {
      await flaky.close();
    }
  });

  test("that goes on failing is given up on, with its own words", async () => {
    const broken = await front(plain.port, (message, response) => {
      if (message.method !== "PUT") return false;
      message.resume();
      const errors = [{ code: "DENIED", message: "the quota is used up" }];
      response.writeHead(403).end(JSON.stringify({ errors }));
      return true;
    });
    try {
      const pushed = pushImage(image, { ...to(broken.address), repository: "shop/denied" });
      await expect(pushed).rejects.toThrow(/403 DENIED, the quota is used up/);
    } finally {
      await broken.close();
    }
  });

  test("behind a token service gets its token, and the service the credentials", async () => {
    const seen: string[] = [];
    const guarded = await front(plain.port, (message, response) => {
      const { authorization } = message.headers;
      if (message.url?.startsWith("/token")) {
        seen.push(`${message.url} ${authorization}`);
        response.end(JSON.stringify({ token: "t0ken" }));
        return true;
      }
      if (authorization === "Bearer t0ken") {
        // The registry behind knows no tokens.
        delete message.headers.authorization;
        return false;
      }
      response.writeHead(401, {
        "www-authenticate": `Bearer realm="http://${message.headers.host}/token",service="s"`,
      }).end();
      return true;
    });
    try {
      const credentials = { kind: "password", username: "me", password: "a:b" } as const;
      await pushImage(image, { ...to(guarded.address), repository: "shop/token" }, { credentials });
      const basic = Buffer.from("me:a:b").toString("base64");
      const scope = encodeURIComponent("repository:shop/token:pull,push");
      expect(seen).toEqual([`/token?scope=${scope}&service=s Basic ${basic}`]);
    } finally {
      await guarded.close();
    }
  });
});

describe.skipIf(path === "")(`a registry with a password and a certificate${reason}`, () => {
  const authority = issue({ common: "authority", authority: true });
  const own = issue({ common: "localhost", names: ["localhost"], issuer: authority });
  // `me` and `secret`.
  const htpasswd = "me:$2b$05$128vVFwqe8TMYnCyREdI/OjVOD7bTqUYnEM9ct7PHmb1FdEr1Ym1u";
  let secured: Registry;
  beforeAll(async () => {
    secured = await startRegistry(path, { tls: own, htpasswd });
  });
  afterAll(() => secured.stop());
  const at = (): ImageReference => to(`localhost:${secured.port}`);
  const caCertificates = authority.certificate;

  test("takes an image from who trusts the one and knows the other", async () => {
    const credentials = { kind: "password", username: "me", password: "secret" } as const;
    expect((await pushImage(image, at(), { credentials, caCertificates })).sentCount).toBe(2);
  });

  test("is refused where its authority is not trusted", async () => {
    await expect(pushImage(image, at())).rejects.toThrow(/cannot be reached: .*(UNABLE|SELF)/);
  });

  test("says what it wants from who is not logged in", async () => {
    await expect(pushImage(image, at(), { caCertificates }))
      .rejects.toThrow(/asks for a user name and a password/);
    const credentials = { kind: "password", username: "me", password: "wrong" } as const;
    await expect(pushImage(image, at(), { caCertificates, credentials })).rejects.toThrow(/401/);
  });
});

test("a token service without TLS is not trusted with credentials", async () => {
  const { readChallenge, authorize } = await import("../../compiler/image/authorization.ts");
  const challenge = readChallenge('Bearer realm="http://elsewhere.example/token"');
  const { Agent } = await import("undici");
  const asked = { registry: "r.example", repository: "a", isPlainText: false };
  await expect(authorize(challenge ?? { scheme: "basic", parameters: {} }, asked, new Agent()))
    .rejects.toThrow(/no https address/);
});

describe("credentials", () => {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "fairlead-docker-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  const find = async (config: unknown, registry: string): Promise<unknown> => {
    await writeFile(join(folder, "config.json"),
      typeof config === "string" ? config : JSON.stringify(config));
    const PATH = `${folder}${delimiter}${process.env["PATH"] ?? ""}`;
    return findCredentials(registry, { DOCKER_CONFIG: folder, PATH });
  };
  const auth = Buffer.from("me:a:b").toString("base64");
  const password = {
    ok: true, credentials: { kind: "password", username: "me", password: "a:b" },
  };

  test("are found by host, however the entry is written", async () => {
    for (const name of ["r.example", "https://r.example/v1/", "http://R.example"]) {
      expect(await find({ auths: { [name]: { auth } } }, "r.example")).toEqual(password);
    }
    expect(await find({ auths: { "r.example:5000": { auth } } }, "r.example"))
      .toEqual({ ok: true });
    expect(await find({ auths: { "https://index.docker.io/v1/": { auth } } }, "docker.io"))
      .toEqual(password);
  });

  test("may be a token", async () => {
    expect(await find({ auths: { "r.example": { auth, identitytoken: "t" } } }, "r.example"))
      .toEqual({ ok: true, credentials: { kind: "token", token: "t" } });
  });

  test("come from a helper where one is named", async () => {
    const helper = join(folder, "docker-credential-tests");
    await writeFile(helper, "#!/bin/sh\nread -r registry\n"
      + "case $registry in r.example) echo '{\"Username\":\"me\",\"Secret\":\"a:b\"}' ;;\n"
      + "*) echo 'credentials not found in native keychain'; exit 1 ;; esac\n");
    await chmod(helper, 0o755);
    expect(await find({ credsStore: "tests" }, "r.example")).toEqual(password);
    expect(await find({ credHelpers: { "r.example": "tests" } }, "r.example")).toEqual(password);
    expect(await find({ credsStore: "tests" }, "other.example")).toEqual({ ok: true });
    expect(await find({ credsStore: "missing" }, "r.example"))
      .toEqual({ ok: false, problem: "`docker-credential-missing` cannot be run" });
  });

  test("a broken file is said to be", async () => {
    expect(await find("{", "r.example"))
      .toEqual({ ok: false, problem: expect.stringContaining("is not JSON") });
  });
});
