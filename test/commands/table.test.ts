// `fairlead build --table config`: the table in plugin configurations, as far as objects have room.

import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { compile } from "../../compiler/compile.ts";
import { emit, type Emission } from "../../compiler/emit.ts";
import { pluginConfigDiagnostics } from "../../compiler/emit/plugin-config.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { gatewayOf } from "./world.ts";

const manifests = `${gatewayOf("fairlead")}---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r }
spec: { parentRefs: [{ name: g }], rules: [{ backendRefs: [{ name: s, port: 80 }] }] }
`;

const compilation = compile([{ path: "in.yaml", text: manifests }]);
const built = (table: "baked" | "config"): Emission =>
  emit(compilation, { targets: ["envoy", "istio"], table });
const bytesOf = ({ artifacts }: Emission, path: string): Buffer =>
  Buffer.from(artifacts.find((a) => a.path === path)!.bytes);

test("the filter stays plain, and every plugin has the table in its configuration", () => {
  const emission = built("config");
  expect(bytesOf(emission, "filter.wasm").equals(filterWasm())).toBe(true);
  const base64 = Buffer.from(compilation.table).toString("base64");
  const forIstio = bytesOf(emission, "istio/routes.flt").toString("base64");
  for (const document of parseAllDocuments(bytesOf(emission, "istio/wasmplugin.yaml").toString())) {
    const { spec } = document.toJS() as { spec: Record<string, unknown> };
    expect(spec).toMatchObject({ pluginName: "default/g:80", pluginConfig: { table: forIstio } });
  }
  expect(bytesOf(emission, "envoy/envoy.yaml").toString()).toContain(base64);
  expect(emission.diagnostics.map(({ code }) => code)).not.toContain("FL0411");
});

test("a baked table is in no configuration", () => {
  expect(bytesOf(built("baked"), "istio/wasmplugin.yaml").toString()).not.toContain("pluginConfig");
});

test.each([
  [180_000, []], [200_000, ["note FL0411"]], [786_432, ["note FL0411"]],
  [786_440, ["error FL0410"]],
])("a table of %i bytes in a Kubernetes object: %j", (length, expected) => {
  const found = pluginConfigDiagnostics(new Uint8Array(length));
  expect(found.map(({ level, code }) => `${level} ${code}`)).toEqual(expected);
  for (const { help } of found) expect(help).toContain("`--table baked`");
});
