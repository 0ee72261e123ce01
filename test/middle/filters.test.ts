import { describe, expect, test } from "vitest";
import { noEdits, type Forward, type Ir, type Rule } from "../../compiler/ir.ts";
import { build, accepted, gateway, host, http, route, service, to, type Built } from "./build.ts";
import type { Json } from "./json.ts";

const gw = gateway("gw", [http("a")]);
const services = ["s", "t", "u"].map((name) => service(name));

function built(rule: Json, rest: Json = {}): Built {
  return build([gw, ...services, route("r", { rules: [rule] }, rest)]);
}

const rules = (ir: Ir): Rule[] => host(ir, "*")?.matches.map((m) => m.rule) ?? [];
const action = (rule: Json, rest: Json = {}): Forward =>
  rules(built(rule, rest).ir)[0]!.action as Forward;
const backend = (name: string, ...filters: Json[]): Json =>
  ({ name, port: 80, ...(filters.length > 0 ? { filters } : {}) });
const names = (ir: Ir, mirrors: readonly { readonly cluster: number }[] | undefined): string[] =>
  (mirrors ?? []).map((m) => ir.clusters[m.cluster]!.service.name);

const responseHeaders = (value: string): Json => ({ type: "ResponseHeaderModifier",
  responseHeaderModifier: { set: [{ name: "X-B", value }, { name: "x-a", value }],
    add: [{ name: "X-C", value }], remove: ["X-D"] } });
const mirror = (name: string, rest: Json = {}): Json => ({ type: "RequestMirror",
  requestMirror: { backendRef: { name, port: 80 }, ...rest } });
const rewrite = (urlRewrite: Json): Json => ({ type: "URLRewrite", urlRewrite });
const cors = (rest: Json = {}): Json => ({ type: "CORS", cors: rest });
const redirect = { type: "RequestRedirect", requestRedirect: { hostname: "b.io" } };
const edited = (value: string): Json => ({ set: [{ name: "x-b", value }, { name: "x-a", value }],
  add: [{ name: "x-c", value }], remove: ["x-d"] });

describe("filters", () => {
  test("a rule that asks for nothing has no policy, no rewrite and no pin", () => {
    expect(Object.keys(action(to("s"))).sort()).toEqual(["backends", "kind", "requestHeaders"]);
    expect(Object.keys(action(to("s")).backends[0]!).sort())
      .toEqual(["cluster", "origin", "requestHeaders", "weight"]);
  });

  test("response headers keep their order, names in lower case, on rule and backend", () => {
    const { policy, backends } = action({ filters: [responseHeaders("rule")],
      backendRefs: [backend("s", responseHeaders("backend"))] });
    expect(policy).toEqual({ responseHeaders: edited("rule"), mirrors: [] });
    expect(backends[0]?.policy).toEqual({ responseHeaders: edited("backend"), mirrors: [] });
  });

  test("a rewrite names host, full path or prefix, on rule and backend", () => {
    const full = { type: "ReplaceFullPath", replaceFullPath: "/x" };
    const prefix = { type: "ReplacePrefixMatch", replacePrefixMatch: "" };
    const { rewrite: own, backends } = action({
      filters: [rewrite({ hostname: "A.io", path: prefix })],
      backendRefs: [backend("s", rewrite({ path: full })), backend("t", rewrite({}))] });
    expect(own).toEqual({ hostname: "a.io", path: { kind: "prefix", value: "" } });
    expect(backends.map((b) => b.rewrite)).toEqual(
      [{ path: { kind: "full", value: "/x" } }, undefined]);
  });

  test("mirrors are several, each with its share", () => {
    const { ir } = built({ ...to("s"), filters: [mirror("t"), mirror("u", { percent: 20 }),
      mirror("t", { fraction: { numerator: 1, denominator: 3 } }),
      mirror("u", { fraction: { numerator: 5 } })] });
    const { policy } = rules(ir)[0]!.action as Forward;
    expect(policy?.mirrors.map((m) => [m.numerator, m.denominator]))
      .toEqual([[1, 1], [20, 100], [1, 3], [5, 100]]);
    expect(names(ir, policy?.mirrors)).toEqual(["t", "u", "t", "u"]);
  });

  test("an invalid mirror is reported and not mirrored, one of no share is not mirrored", () => {
    const { ir, said, status } = built({ ...to("s"),
      filters: [mirror("gone"), mirror("t", { percent: 0 })] });
    expect((rules(ir)[0]!.action as Forward).policy).toBeUndefined();
    expect(ir.clusters.map((c) => c.service.name)).toEqual(["s"]);
    expect(said).toEqual(["FL0204 no Service `gone` in namespace `default`"]);
    expect(status("HTTPRoute/default/r").parents[0].conditions[1]).toMatchObject(
      { type: "ResolvedRefs", status: "False", reason: "BackendNotFound" });
  });

  test("a backend's mirror is the backend's", () => {
    const { ir } = built({ backendRefs: [backend("s", mirror("u")), backend("t")] });
    const { policy, backends } = rules(ir)[0]!.action as Forward;
    expect(policy).toBeUndefined();
    expect(backends.map((b) => names(ir, b.policy?.mirrors))).toEqual([["u"], []]);
  });

  test("CORS has its defaults filled in", () => {
    expect(action({ ...to("s"), filters: [cors({ allowOrigins: ["https://a.io"] })] }).policy?.cors)
      .toEqual({ allowOrigins: ["https://a.io"], allowCredentials: false, allowMethods: [],
        allowHeaders: [], exposeHeaders: [], maxAgeSeconds: 5 });
  });

  test("CORS and a redirect that all backends have alike are the rule's", () => {
    const nine = cors({ maxAge: 9 });
    const both = { backendRefs: [backend("s", nine), backend("t", nine),
      { ...backend("u"), weight: 0 }] };
    expect(action(both).policy?.cors?.maxAgeSeconds).toBe(9);
    expect(built(both).said).toEqual([]);
    expect(action({ backendRefs: [backend("s", redirect)] })).toEqual(
      { kind: "redirect", statusCode: 302, hostname: "b.io" });
  });

  test("CORS and a redirect on one backend of several are named", () => {
    const some = (filter: Json): Json => ({ backendRefs: [backend("s", filter), backend("t")] });
    expect(built(some(cors())).said).toEqual(
      ["FL0402 filter `CORS` is not carried out on one backendRef of several"]);
    expect(built(some(redirect)).said).toEqual(
      ["FL0402 filter `RequestRedirect` is not carried out on one backendRef of several"]);
    expect(action(some(redirect)).backends.map((b) => b.cluster !== undefined))
      .toEqual([false, true]);
  });

  test("what a redirect knows nothing of is named", () => {
    expect(built({ filters: [redirect, cors(), responseHeaders("v"), mirror("t")] }).said).toEqual(
      ["CORS", "RequestMirror", "ResponseHeaderModifier"].map((type) =>
        `FL0401 filter \`${type}\` is not carried out beside a redirect`));
  });

  test("a route that asks for external authorisation is not accepted", () => {
    const auth = { type: "ExternalAuth", externalAuth: {} };
    for (const rule of [{ ...to("s"), filters: [auth] }, { backendRefs: [backend("s", auth)] }]) {
      const one = built(rule);
      expect(one.said).toEqual(["FL0402 filter `ExternalAuth` is not supported"]);
      expect(accepted(one, "HTTPRoute/default/r")).toBe("Accepted=False/UnsupportedValue");
      expect(rules(one.ir)).toEqual([]);
    }
  });

  test("an unknown extension on a backend costs that backend's share", () => {
    const extension = { type: "ExtensionRef",
      extensionRef: { group: "x.io", kind: "Y", name: "z" } };
    const rule = { backendRefs: [backend("s", extension), backend("t")] };
    expect(action(rule).backends.map((b) => b.cluster)).toEqual([undefined, 0]);
    expect(built(rule).said).toEqual(["FL0210 filter `x.io/Y` is not known"]);
  });
});

describe("limits and sessions", () => {
  test("timeouts are milliseconds, and zero is not the same as none", () => {
    expect(action({ ...to("s"), timeouts: { request: "1h2m3s4ms", backendRequest: "0s" } }).policy)
      .toEqual({ responseHeaders: noEdits, mirrors: [], requestTimeoutMs: 3_723_004,
        backendRequestTimeoutMs: 0 });
    expect(action({ ...to("s"), timeouts: {} }).policy).toBeUndefined();
  });

  test("a retry stanza asks for one attempt, zero switches it off", () => {
    const retry = (rest: Json): unknown => action({ ...to("s"), retry: rest }).policy?.retry;
    expect(retry({})).toEqual({ codes: [], attempts: 1 });
    expect(retry({ codes: [500, 503], attempts: 3, backoff: "250ms" }))
      .toEqual({ codes: [500, 503], attempts: 3, backoffMs: 250 });
    expect(retry({ attempts: 0 })).toEqual({ codes: [], attempts: 0 });
  });

  test("a cookie without a name gets one that is stable, and unique to the rule", () => {
    const persistent = (rule: Json = {}): Json =>
      ({ ...to("s"), sessionPersistence: {}, ...rule });
    const cookies = (list: Json[]): (string | undefined)[] => {
      const { ir } = build([gw, ...services, route("r", { rules: list })]);
      return rules(ir).map((r) => (r.action as Forward).policy?.session?.name);
    };
    const [first, second] = cookies([persistent(), persistent()]);
    expect(first).toMatch(/^fairlead-[0-9a-f]{12}$/);
    expect(first).not.toBe(second);
    expect(cookies([persistent(), persistent()])).toEqual([first, second]);
    const named = persistent({ name: "n" });
    expect(cookies([named, to("s")])[0]).toBe(cookies([to("s"), named])[1]);
  });

  test("a session names all valid backends of a split that differ only in weight", () => {
    const rule = { ...to("s", "t"), sessionPersistence: {} };
    expect(built(rule).said).toEqual([]);
    const policy = action(rule).policy;
    expect(policy?.session?.split?.map(({ weight }) => weight)).toEqual([1, 1]);
    expect(action({ ...to("s"), sessionPersistence: {} }).policy?.session?.split).toBeUndefined();
  });

  test("a split of backends with filters, which a session does not outlast, is named", () => {
    const filters = [{
      type: "RequestHeaderModifier", requestHeaderModifier: { remove: ["x"] },
    }];
    const { backendRefs } = to("s", "t") as { backendRefs: Json[] };
    const rule = {
      backendRefs: backendRefs.map((ref) => ({ ...ref, filters })), sessionPersistence: {},
    };
    const said = [
      "FL0401 a session does not hold a client to one of several backendRefs with filters",
    ];
    expect(built(rule).said).toEqual(said);
    const object = route("r", { rules: [rule] });
    object.metadata.annotations = { "fairlead.dev/pin": "cookie: uid" };
    expect(build([gw, ...services, object]).said).toEqual([]);
  });

  test("an end that Envoy cannot put to a session is reported, a permanent cookie's is not", () => {
    const said = (rest: Json): readonly string[] =>
      built({ ...to("s"), sessionPersistence: { absoluteTimeout: "1h", ...rest } }).said;
    const reported = ["FL0401 the Envoy targets do not end a session that has no permanent cookie"];
    expect(said({})).toEqual(reported);
    expect(said({ type: "Header", header: { name: "X-Sid" } })).toEqual(reported);
    expect(said({ cookie: { lifetimeType: "Permanent" } })).toEqual([]);
  });

  test("sessions have the lifetime, path and name that are asked for", () => {
    const session = (rest: Json): unknown =>
      action({ ...to("s"), sessionPersistence: rest }).policy?.session;
    expect(session({ cookie: { name: "Sid", path: "/x", lifetimeType: "Permanent" },
      absoluteTimeout: "1h" })).toEqual({ kind: "cookie", name: "Sid", path: "/x",
      permanent: true, absoluteTimeoutMs: 3_600_000 });
    expect(session({ cookie: { name: "Sid" } })).toEqual({ kind: "cookie", name: "Sid",
      path: "/", permanent: false });
    expect(session({ type: "Header", header: { name: "X-Sid" } })).toEqual({ kind: "header",
      name: "x-sid", path: "/", permanent: false });
  });
});

describe("pinned splits", () => {
  const pinned = (text: string, kind = "HTTPRoute"): Json => {
    const object = route("r", { rules: [to("s", "t")] }, { kind });
    object.metadata.annotations = { "fairlead.dev/pin": text };
    return object;
  };
  const pinOf = (text: string, kind?: string): unknown => (rules(
    build([gw, ...services, pinned(text, kind)]).ir)[0]!.action as Forward).pin;

  test("a route's annotation names a header or a cookie", () => {
    expect(pinOf("header: X-User")).toEqual({ kind: "header", name: "x-user" });
    expect(pinOf("cookie:Uid")).toEqual({ kind: "cookie", name: "Uid" });
    expect(pinOf("header: x-user", "GRPCRoute")).toEqual({ kind: "header", name: "x-user" });
  });

  test.each(["", "x-user", "query: a", "header:", "header: a b", "cookie: a;b"])(
    "%j is reported where it stands", (text) => {
    const one = build([gw, ...services, pinned(text)]);
    expect(pinOf(text)).toBeUndefined();
    expect(one.said).toEqual([`FL0405 \`${text}\` names neither a header nor a cookie`]);
    const span = one.diagnostics[0]?.primary?.span;
    expect(span?.file.text.slice(span.start, span.end)).toBe(JSON.stringify(text));
  });
});
