import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { resolve } from "../../compiler/resolve/resolve.ts";
import { status } from "../../compiler/status.ts";
import { build, gateway, http, route, service, to } from "./build.ts";
import { load } from "./load.ts";
import type { Json } from "./json.ts";

describe("the examples", () => {
  test.each(["canary", "shared-gateway"])("%s has the status that is recorded", async (name) => {
    const file = new URL(`../../examples/${name}/${name}.yaml`, import.meta.url);
    const { resolved, diagnostics } = resolve(load(readFileSync(fileURLToPath(file), "utf8")));
    expect(diagnostics).toEqual([]);
    const text = JSON.stringify(status(resolved).map((r) => ({ ...r, spec: undefined })), null, 1);
    await expect(`${text}\n`).toMatchFileSnapshot(`golden/${name}.status.json`);
  });
});

const objects = [gateway("gw", [http("a")]), service("s"), route("r", { rules: [to("s")] })];

function withStatus(kind: string, before: Json, metadata: Json = {}): Json[] {
  return objects.map((o: Json) => (o.kind === kind
    ? { ...o, metadata: { ...o.metadata, ...metadata }, status: before } : o));
}

describe("times and generations", () => {
  test("a resource that no API server has seen is of generation 1 and the year 1970", () => {
    const [condition] = build(objects).status("Gateway/default/gw").conditions;
    expect(condition).toMatchObject({ observedGeneration: 1,
      lastTransitionTime: "1970-01-01T00:00:00Z" });
  });

  test("generation and time are the resource's own", () => {
    const built = build(withStatus("HTTPRoute", {}, { generation: 7,
      creationTimestamp: "2024-01-01T00:00:00Z" }));
    for (const condition of built.status("HTTPRoute/default/r").parents[0].conditions) {
      expect(condition).toMatchObject({ observedGeneration: 7,
        lastTransitionTime: "2024-01-01T00:00:00Z" });
    }
  });

  test("a condition keeps its time while its status stays", () => {
    const old = (type: string, state: string): Json => ({ type, status: state, reason: "x",
      message: "", observedGeneration: 1, lastTransitionTime: "2025-05-05T00:00:00Z" });
    const { conditions } = build(withStatus("Gateway",
      { conditions: [old("Accepted", "True"), old("Programmed", "False")] }))
      .status("Gateway/default/gw");
    expect(conditions.map((c: Json) => [c.type, c.lastTransitionTime.slice(0, 4)])).toEqual(
      [["Accepted", "2025"], ["Programmed", "1970"], ["ResolvedRefs", "1970"]]);
  });
});

describe("what others wrote", () => {
  const foreign = { type: "example.com/Checked", status: "True", reason: "x", message: "m",
    observedGeneration: 3, lastTransitionTime: "2025-05-05T00:00:00Z" };

  test("conditions of other types stay on a Gateway and on its listeners", () => {
    const built = build(withStatus("Gateway", { conditions: [foreign],
      listeners: [{ name: "a", conditions: [foreign] }, { name: "gone", conditions: [foreign] }] }))
      .status("Gateway/default/gw");
    expect(built.conditions.at(-1)).toEqual(foreign);
    expect(built.listeners.length).toBe(1);
    expect(built.listeners[0].conditions.at(-1)).toEqual(foreign);
  });

  test("entries of other controllers stay, our own old ones go", () => {
    const entry = (controllerName: string, name: string): Json =>
      ({ controllerName, parentRef: { name }, conditions: [foreign] });
    const theirs = entry("other.io/c", "gw");
    const { parents } = build(withStatus("HTTPRoute", { parents: [
      entry("fairlead.dev/gateway-controller", "gone"), theirs,
      entry("fairlead.dev/gateway-controller", "gw")] })).status("HTTPRoute/default/r");
    expect(parents.map((p: Json) => [p.controllerName, p.parentRef.name]))
      .toEqual([["fairlead.dev/gateway-controller", "gw"], ["other.io/c", "gw"]]);
    expect(parents[0].conditions.at(-1)).toEqual(foreign);
    expect(parents[1]).toEqual(theirs);
  });
});

describe("BackendTLSPolicy", () => {
  const policy = (name: string, created: string, rest: Json = {}): Json => ({
    apiVersion: "gateway.networking.k8s.io/v1", kind: "BackendTLSPolicy",
    metadata: { name, namespace: "default", creationTimestamp: created },
    spec: { targetRefs: [{ group: "", kind: "Service", name: "s" }],
      validation: { hostname: "a.io", wellKnownCACertificates: "System" }, ...rest },
  });
  const accepted = (policies: Json[], name: string): string[] =>
    build([...objects, ...policies]).status(`BackendTLSPolicy/default/${name}`)
      .ancestors.map((a: Json) => `${a.ancestorRef.name} ${a.conditions[0].reason}`);

  test("its ancestors are the Gateways that reach its Service", () => {
    expect(accepted([policy("p", "2020-01-01T00:00:00Z")], "p")).toEqual(["gw Accepted"]);
    const elsewhere = { targetRefs: [{ group: "", kind: "Service", name: "t" }] };
    const built = build([...objects, service("t"), policy("p", "2020-01-01T00:00:00Z", elsewhere)]);
    expect(built.status("BackendTLSPolicy/default/p").ancestors).toEqual([]);
  });

  test("of two for one target the older counts, then the first by name", () => {
    const [old, young] = [policy("z", "2020-01-01T00:00:00Z"), policy("a", "2021-01-01T00:00:00Z")];
    expect([accepted([old, young], "z"), accepted([old, young], "a")])
      .toEqual([["gw Accepted"], ["gw Conflicted"]]);
    expect(build([...objects, old, young]).said)
      .toContain("FL0603 BackendTLSPolicy default/z already governs Service `s`");
    const same = policy("b", "2020-01-01T00:00:00Z");
    expect(accepted([old, same], "z")).toEqual(["gw Conflicted"]);
  });

  test("a policy for one port does not conflict with one for the Service", () => {
    const port = { targetRefs: [{ group: "", kind: "Service", name: "s", sectionName: "web" }] };
    const both = [policy("a", "2020-01-01T00:00:00Z"), policy("b", "2021-01-01T00:00:00Z", port)];
    expect(accepted(both, "b")).toEqual(["gw Accepted"]);
  });

  test("an unknown set of certificates makes it invalid", () => {
    const validation = { hostname: "a.io", wellKnownCACertificates: "x.io/mine" };
    expect(accepted([policy("p", "2020-01-01T00:00:00Z", { validation })],
      "p")).toEqual(["gw Invalid"]);
  });

  test("a port's name that the Service does not have is named", () => {
    const port = { targetRefs: [{ group: "", kind: "Service", name: "s", sectionName: "wep" }] };
    expect(build([...objects, policy("p", "2020-01-01T00:00:00Z", port)]).said)
      .toEqual(["FL0208 Service `s` has no port named `wep`"]);
  });
});
