// The discovery service of `fairlead dev --runtime envoy`, asked as Envoy asks it.

import { request } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import { serveDiscovery, type DiscoveryServer } from "../../runtime/envoy/discovery.ts";

let folder = "";
let server: DiscoveryServer;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-discovery-"));
  server = await serveDiscovery(join(folder, "sock"));
});
afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const routes = { kind: "routes", name: "a" } as const;

interface Question {
  /** "200 version", or the status alone. */
  readonly answer: Promise<string>;
  /** Whether there was an answer by the time that another question was answered. */
  isOpen(): Promise<boolean>;
  giveUp(): void;
}

function question(version: string, path = "/v3/discovery:routes", name = "a"): Question {
  let isAnswered = false;
  const abort = new AbortController();
  const answer = new Promise<string>((resolve, reject) => {
    const outgoing = request({ socketPath: join(folder, "sock"), path, method: "POST",
      signal: abort.signal }, (response) => {
      let text = "";
      response.on("data", (chunk) => { text += String(chunk); });
      response.on("end", () => {
        isAnswered = true;
        const body = text === "" ? "" : ` ${(JSON.parse(text) as { version_info: string })
          .version_info}`;
        resolve(`${response.statusCode}${body}`);
      });
    });
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify({ version_info: version, resource_names: [name] }));
  });
  answer.catch(() => undefined);
  return {
    answer,
    isOpen: async () => {
      await question("", "/v3/discovery:other").answer;
      return !isAnswered;
    },
    giveUp: () => abort.abort(),
  };
}

test("what is there is given at once, what is not as soon as it is", async () => {
  server.put(routes, "1", []);
  expect(await question("").answer).toBe("200 1");
  const other = question("", "/v3/discovery:routes", "b");
  expect(await other.isOpen()).toBe(true);
  server.put({ kind: "routes", name: "b" }, "2", []);
  expect(await other.answer).toBe("200 2");
});

test("whoever has the last version waits for the next", async () => {
  server.put(routes, "1", []);
  await question("").answer;
  const next = question("1");
  expect(await next.isOpen()).toBe(true);
  server.put(routes, "2", []);
  expect(await next.answer).toBe("200 2");
});

test("a version that was refused is not sent again, but the next one is", async () => {
  server.put(routes, "1", []);
  await question("").answer;
  const before = question("1");
  server.put(routes, "2", []);
  expect(await before.answer).toBe("200 2");
  // Envoy repeats the version it has.
  const refused = question("1");
  expect(await refused.isOpen()).toBe(true);
  server.put(routes, "3", []);
  expect(await refused.answer).toBe("200 3");
});

test("a subscription that begins anew gets what an earlier one had", async () => {
  server.put(routes, "1", []);
  await question("").answer;
  const earlier = question("1");
  expect(await earlier.isOpen()).toBe(true);
  earlier.giveUp();
  expect(await question("").answer).toBe("200 1");
});

test("a question that was given up takes no answer from another", async () => {
  const gone = question("");
  expect(await gone.isOpen()).toBe(true);
  gone.giveUp();
  await expect(gone.answer).rejects.toThrow("aborted");
  const next = question("");
  expect(await next.isOpen()).toBe(true);
  server.put(routes, "1", []);
  expect(await next.answer).toBe("200 1");
});
