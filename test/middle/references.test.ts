import { describe, expect, test } from "vitest";
import { build, conditions, gateway, grant, http, route, service, to } from "./build.ts";
import { makeCertificate } from "./certificate.ts";

const gw = gateway("gw", [http("a")]);
const key = "HTTPRoute/default/r";
const ref = (fields: object): object => ({ rules: [{ backendRefs: [{ port: 80, ...fields }] }] });
const shop = service("s", { namespace: "shop" });
const across = ref({ name: "s", namespace: "shop" });
const serviceTo = (name?: string): object => ({ group: "", kind: "Service", ...(name ? { name }
  : {}) });

describe("backendRefs", () => {
  test.each([
    ["a Service that is there", [service("s")], ref({ name: "s" }), "ResolvedRefs", []],
    ["a Service that is not", [service("store-api-v1")], ref({ name: "store-api" }),
      "BackendNotFound",
      ["FL0204 no Service `store-api` in namespace `default`"]],
    ["a port that is not", [service("s")], ref({ name: "s", port: 81 }), "BackendNotFound",
      ["FL0207 Service `s` in namespace `default` has no port `81`"]],
    ["a port of the wrong transport", [service("s", { ports: [{ port: 80, protocol: "UDP" }] })],
      ref({ name: "s" }), "BackendNotFound",
      ["FL0207 Service `s` in namespace `default` has no port `80`"]],
    ["a kind that is no Service", [], ref({ name: "s", kind: "Bucket", group: "cloud.io" }),
      "InvalidKind",
      ["FL0206 a backend of kind `cloud.io/Bucket` cannot be routed to"]],
    ["another namespace without a grant", [shop], across, "RefNotPermitted",
      ["FL0205 no ReferenceGrant in namespace `shop` lets HTTPRoutes of namespace `default` "
        + "refer to "
        + "Service `s`"]],
    ["a grant for all Services", [shop, grant("shop", "default", serviceTo())], across,
      "ResolvedRefs", []],
    ["a grant for this Service", [shop, grant("shop", "default", serviceTo("s"))], across,
      "ResolvedRefs", []],
    ["a grant for another Service", [shop, grant("shop", "default", serviceTo("t"))], across,
      "RefNotPermitted", 1],
    ["a grant for another namespace", [shop, grant("shop", "other", serviceTo())], across,
      "RefNotPermitted", 1],
    ["a grant for another kind of route", [shop, grant("shop", "default", serviceTo(),
      "GRPCRoute")],
      across, "RefNotPermitted", 1],
    ["a grant in the wrong namespace", [shop, grant("default", "default", serviceTo())], across,
      "RefNotPermitted", 1],
    ["an ExternalName Service without ports", [service("s", { type: "ExternalName",
      externalName: "x.io", ports: undefined })], ref({ name: "s" }), "ResolvedRefs", []],
  ] as const)("%s", (_, objects, spec, reason, said) => {
    const built = build([gw, ...objects, route("r", spec)]);
    const [parent] = built.status(key).parents;
    const status = reason === "ResolvedRefs" ? "True" : "False";
    expect(conditions(parent.conditions)).toEqual(
      ["Accepted=True/Accepted", `ResolvedRefs=${status}/${reason}`]);
    if (typeof said === "number") expect(built.said.length).toBe(said);
    else expect(built.said).toEqual(said);
  });

  test("a missing Service is said with the probable name and the effect", () => {
    const built = build([gw, service("store-api-v1-service"), route("r",
      ref({ name: "store-api" }))]);
    expect(built.diagnostics[0]).toMatchObject({
      primary: { text: "did you mean `store-api-v1-service`?" },
      path: "spec.rules[0].backendRefs[0].name", resource: "HTTPRoute default/r",
      effect: "requests it would take get 500",
    });
  });

  test("one missing Service in three rules is one message with three places", () => {
    const built = build([gw, route("r", { rules: [to("s"), to("s"), to("s")] })]);
    expect(built.diagnostics.length).toBe(1);
    expect(built.diagnostics[0]?.secondary.length).toBe(2);
  });

  test("a Service, a grant or a Namespace whose document is broken is not reported again", () => {
    expect(build([gw, route("r", ref({ name: "s" }))], ["Service/default/s"]).said).toEqual([]);
    expect(build([gw, shop, route("r", across)], ["ReferenceGrant/shop/g"]).said).toEqual([]);
  });

  test("a mirror's backend is resolved as well", () => {
    const filters = [{ type: "RequestMirror", requestMirror: { backendRef: { name: "m",
      port: 80 } } }];
    const built = build([gw, service("s"), route("r", { rules: [{ ...to("s"), filters }] })]);
    expect(built.said).toContain("FL0204 no Service `m` in namespace `default`");
    expect(conditions(built.status(key).parents[0].conditions)[1])
      .toBe("ResolvedRefs=False/BackendNotFound");
  });
});

describe("certificateRefs", () => {
  const pair = makeCertificate("a.io");
  const other = makeCertificate("b.io");
  const secret = (data: object, type = "kubernetes.io/tls"): object =>
    ({ apiVersion: "v1", kind: "Secret", metadata: { name: "c", namespace: "default" }, type,
      stringData: data });
  const https = (fields: object = {}): object => gateway("gw", [{ name: "a", port: 443,
    protocol: "HTTPS", tls: { certificateRefs: [{ name: "c", ...fields }] } }]);
  const good = { "tls.crt": pair.certificate, "tls.key": pair.key };
  test.each([
    ["a usable Secret", [secret(good)], {}, "ResolvedRefs", true],
    ["no Secret", [], {}, "InvalidCertificateRef", false],
    ["another kind", [secret(good)], { kind: "Thing" }, "InvalidCertificateRef", false],
    ["no key", [secret({ "tls.crt": pair.certificate })], {}, "InvalidCertificateRef", false],
    ["no PEM", [secret({ ...good, "tls.crt": "hello" })], {}, "InvalidCertificateRef", false],
    ["a key of another certificate", [secret({ ...good, "tls.key": other.key })], {},
      "InvalidCertificateRef", false],
    ["another namespace", [secret(good)], { namespace: "shop" }, "RefNotPermitted", false],
  ])("%s", (_, objects, fields, reason, programmed) => {
    const built = build([https(fields), ...objects]);
    const [listener] = built.status("Gateway/default/gw").listeners;
    const said = conditions(listener.conditions);
    expect(said).toContain(`ResolvedRefs=${programmed ? "True" : "False"}/${reason}`);
    expect(said).toContain("Accepted=True/Accepted");
    expect(said).toContain(programmed ? "Programmed=True/Programmed" : "Programmed=False/Invalid");
    expect(built.said.length).toBe(programmed ? 0 : 1);
    expect(built.ir.gatewayPorts.length).toBe(programmed ? 1 : 0);
  });
});
