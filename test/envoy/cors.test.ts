// CORS as a real Envoy carries it out: by its own filter, and by the routes around it.

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { noPolicy, type Cors, type RoutePolicy } from "../../compiler/ir.ts";
import { envoyOrReason } from "./binary.ts";
import { startPicked, type Picked } from "./picked.ts";
import { cluster, startBackend, type Answer, type Ask, type Backend } from "./world.ts";

const { reason } = await envoyOrReason();

const cors: Cors = {
  allowOrigins: ["https://www.example.com", "https://*.wild.example", "http://port.example:8080"],
  allowCredentials: false, allowMethods: ["GET", "PUT"], allowHeaders: ["x-one", "x-two"],
  exposeHeaders: ["x-three", "x-four"], maxAgeSeconds: 5,
};
const star: Cors = {
  ...cors, allowOrigins: ["*"], allowMethods: ["*"], allowHeaders: ["*"], exposeHeaders: ["*"],
};

const policies = {
  nothing: noPolicy,
  cors: { ...noPolicy, cors },
  corsStar: { ...noPolicy, cors: star },
  corsCredentials: { ...noPolicy, cors: { ...star, allowCredentials: true } },
  corsNobody: { ...noPolicy, cors: { ...cors, allowOrigins: [] } },
} as const satisfies Record<string, RoutePolicy>;
type PolicyName = keyof typeof policies;

describe.skipIf(reason)(`CORS${reason}`, { timeout: 60_000 }, () => {
  let backend: Backend;
  let picked: Picked<PolicyName>;

  beforeAll(async () => {
    backend = await startBackend("one");
    picked = await startPicked<PolicyName>(policies, [cluster("one", [backend.address])]);
  });
  afterAll(async () => {
    await picked?.stop();
    await backend.close();
  });
  afterEach(() => {
    backend.seen.splice(0);
  });

  const send = (policy: PolicyName, request?: Ask): Promise<Answer> =>
    picked.send(policy, request);

  const preflight = (policy: PolicyName, origin: string, headers: Record<string, string> = {
    "access-control-request-headers": "x-mine, x-other",
  }): Promise<Answer> => send(policy, { method: "OPTIONS", headers: {
    origin, "access-control-request-method": "DELETE", ...headers } });
  const corsOf = ({ headers }: Answer): Record<string, unknown> => Object.fromEntries(
    Object.entries(headers).filter(([name]) => name.startsWith("access-control-")).map(
      ([name, value]) => [name.slice("access-control-".length), value]));

  test("a preflight is answered by Envoy", async () => {
    const answer = await preflight("cors", "https://www.example.com");
    expect(answer.status).toBe(200);
    expect(corsOf(answer)).toEqual({ "allow-origin": "https://www.example.com",
      "allow-methods": "GET,PUT", "allow-headers": "x-one,x-two", "max-age": "5",
      "expose-headers": "x-three,x-four" });
    expect(backend.seen).toEqual([]);
  });

  test.each([
    ["https://www.example.com:443", true], ["https://a.b.wild.example", true],
    ["https://x.wild.example:443", true], ["http://port.example:8080", true],
    ["https://www.example.com:444", false], ["http://www.example.com", false],
    ["https://wild.example", false], ["https://evil.example/.wild.example", false],
    ["https://wwwXexample.com", false], ["http://port.example", false], ["null", false],
  ])("the origin %s is allowed: %s", async (origin, isAllowed) => {
    const answer = await preflight("cors", origin);
    expect([200, 204]).toContain(answer.status);
    expect(corsOf(answer)["allow-origin"]).toBe(isAllowed ? origin : undefined);
    if (!isAllowed) expect(corsOf(answer)).toEqual({});
    const actual = await send("cors", { headers: { origin } });
    expect(actual.body).toBe("one");
    expect(corsOf(actual)).toEqual(isAllowed
      ? { "allow-origin": origin, "expose-headers": "x-three,x-four" } : {});
  });

  test("wildcards allow what is asked for", async () => {
    const answer = corsOf(await preflight("corsStar", "https://any.example"));
    expect(answer).toEqual({ "allow-origin": "https://any.example", "allow-methods": "DELETE",
      "allow-headers": "x-mine, x-other", "max-age": "5", "expose-headers": "*" });
    const actual = await send("corsStar", { headers: { origin: "https://any.example" } });
    expect(corsOf(actual)).toEqual({ "allow-origin": "https://any.example",
      "expose-headers": "*" });
  });

  test("with credentials no wildcard is ever sent", async () => {
    const answer = corsOf(await preflight("corsCredentials", "https://any.example"));
    expect(answer).toEqual({ "allow-origin": "https://any.example", "allow-credentials": "true",
      "allow-methods": "DELETE", "allow-headers": "x-mine, x-other", "max-age": "5" });
    const bare = corsOf(await preflight("corsCredentials", "https://any.example", {}));
    expect(bare).not.toHaveProperty("allow-headers");
    expect(bare["allow-methods"]).toBe("DELETE");
    const actual = await send("corsCredentials", { headers: { origin: "https://any.example" } });
    expect(corsOf(actual)).toEqual(
      { "allow-origin": "https://any.example", "allow-credentials": "true" });
  });

  test("OPTIONS that is no preflight goes to the backend", async () => {
    const headers = { origin: "https://evil.example" };
    expect((await send("cors", { method: "OPTIONS", headers })).body).toBe("one");
    expect((await send("cors", { method: "OPTIONS" })).body).toBe("one");
    expect(corsOf(await send("nothing", { method: "OPTIONS",
      headers: { ...headers, "access-control-request-method": "GET" } }))).toEqual({});
    expect(corsOf(await preflight("corsNobody", "https://www.example.com"))).toEqual({});
  });
});
