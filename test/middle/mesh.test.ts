import { describe, expect, test } from "vitest";
import { meshGaps } from "../../compiler/emit/mesh-gaps.ts";
import type { Ir } from "../../compiler/ir.ts";
import { findMatch, findVirtualHost } from "../../compiler/reference.ts";
import { accepted, build, gateway, grant, http, route, service, to } from "./build.ts";
import type { Json } from "./json.ts";

const parent = (name: string, rest: Json = {}): Json =>
  ({ group: "", kind: "Service", name, ...rest });

/** Whose route takes a request of a client of `namespace`; nothing where no host is known. */
function taker(ir: Ir, namespace: string, authority: string, number = 80): string | undefined {
  const ports = ir.gatewayPorts.filter(({ mesh, port }) => mesh && port === number);
  const port = ports.find((p) => p.mesh?.namespace === namespace)
    ?? ports.find((p) => p.mesh?.namespace === "*");
  const host = port && findVirtualHost(port, authority);
  const match = host && findMatch(host, {
    authority, target: "/", method: "GET", headers: [],
  });
  return match && `${match.rule.route.kind} ${match.rule.route.namespace}/${match.rule.route.name}`;
}

const producer = route("producer", { parentRefs: [parent("shop")], rules: [to("shop")] });
const consumer = route("consumer", {
  parentRefs: [parent("shop", { namespace: "default" })],
  rules: [{ backendRefs: [{ name: "shop", namespace: "default", port: 80 }] }],
}, { namespace: "buyers" });
const ports = { ports: [{ port: 80, name: "http" }, { port: 8080, name: "http-alt" }] };
const shop = service("shop", ports);
const other = service("other", ports);

describe("a Service as a parent", () => {
  test("a producer's route takes every client's requests, by each of the Service's names", () => {
    const { ir, said } = build([shop, other, producer]);
    expect(said).toEqual([]);
    for (const host of ["shop.default", "shop.default.svc", "shop.default.svc.cluster.local",
      "shop.default:80"]) {
      expect(taker(ir, "elsewhere", host)).toBe("HTTPRoute default/producer");
    }
    expect(taker(ir, "default", "shop")).toBe("HTTPRoute default/producer");
    // The short name is another Service's elsewhere.
    expect(taker(ir, "elsewhere", "shop")).toBeUndefined();
  });

  test("a consumer's route counts for its own namespace, in place of the producer's", () => {
    const { ir } = build([shop, producer, consumer]);
    expect(taker(ir, "buyers", "shop.default")).toBe("HTTPRoute buyers/consumer");
    expect(taker(ir, "elsewhere", "shop.default")).toBe("HTTPRoute default/producer");
    expect(taker(ir, "default", "shop")).toBe("HTTPRoute default/producer");
  });

  test("a Service without routes is there as it was", () => {
    const { ir } = build([shop, other, producer]);
    expect(taker(ir, "default", "other")).toBe("Service default/other");
  });

  test.each([
    ["port", { port: 8080 }], ["sectionName", { sectionName: "http-alt" }],
  ])("%s chooses one of the Service's ports", (_, chosen) => {
    const { ir } = build([shop,
      route("r", { parentRefs: [parent("shop", chosen)], rules: [to("shop")] })]);
    expect(taker(ir, "default", "shop", 8080)).toBe("HTTPRoute default/r");
    expect(taker(ir, "default", "shop", 80)).toBe("Service default/shop");
  });

  test("backends of other namespaces need no grant, unless a Gateway is a parent too", () => {
    const far = service("far", { namespace: "far" });
    const rules = [{ backendRefs: [{ name: "far", namespace: "far", port: 80 }] }];
    const mesh = build([shop, far, route("r", { parentRefs: [parent("shop")], rules })]);
    expect(mesh.said).toEqual([]);
    const both = { parentRefs: [parent("shop"), { name: "gw" }], rules };
    const gw = gateway("gw", [http("http")]);
    expect(build([shop, far, gw, route("r", both)]).said[0]).toMatch(/^FL0205/);
    const granted = grant("far", "default", { group: "", kind: "Service" });
    expect(build([shop, far, gw, granted, route("r", both)]).said).toEqual([]);
  });

  test("Gateways keep their indices: the mesh comes after them", () => {
    const { ir } = build([shop, producer, gateway("gw", [http("http")]),
      route("north", { rules: [to("shop")] })]);
    expect(ir.gatewayPorts.map((p) => p.mesh !== undefined)).toEqual([
      false, ...ir.gatewayPorts.slice(1).map(() => true)]);
    expect(meshGaps(ir, "a worker").map((d) => `${d.code} ${d.resource}`))
      .toEqual(["FL0407 HTTPRoute default/producer"]);
  });

  test.each<[string, Json[], string]>([
    ["is missing", [shop, route("r", { parentRefs: [parent("shp")], rules: [to("shop")] })],
      "FL0201 no Service `shp` in namespace `default`"],
    ["has no such port",
      [shop, route("r", { parentRefs: [parent("shop", { port: 9 })], rules: [to("shop")] })],
      "FL0202 Service `shop` has no port `9`"],
    ["is headless", [shop, service("h", { clusterIP: "None" }),
      route("r", { parentRefs: [parent("h")], rules: [to("shop")] })],
    "FL0213 Service `h` has no cluster IP, so that requests for it cannot be told"],
    ["is of a route with hostnames",
      [shop, route("r", { hostnames: ["a.io"], parentRefs: [parent("shop")],
        rules: [to("shop")] })],
      "FL0212 hostnames say nothing to a Service that is a parent"],
  ])("that %s is said to be", (_, resources, text) => {
    expect(build(resources).said).toEqual([text]);
  });

  test("its status says what became of the route", () => {
    const built = build([shop, producer,
      route("lost", { parentRefs: [parent("shop", { port: 9 })], rules: [to("shop")] })]);
    expect(accepted(built, "HTTPRoute/default/producer")).toBe("Accepted=True/Accepted");
    expect(accepted(built, "HTTPRoute/default/lost")).toBe("Accepted=False/NoMatchingParent");
  });
});
