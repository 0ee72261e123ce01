// The baked filter in a proxy-wasm host of ours: what it imports, what it calls, what it answers.
// test/envoy runs the same filter in the real one.

import { expect, test } from "vitest";
import {
  noEdits,
  type Cluster,
  type GatewayPort,
  type Ir,
  type RouteMatch,
} from "../../compiler/ir.ts";
import { bake } from "../../compiler/emit/bake.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";
import { origin, rule, world } from "../core/world.ts";
import { hostFilter, type Header, type HostedFilter } from "./host.ts";

const cluster = (name: string): Cluster => ({
  name,
  host: name,
  port: 80,
  service: { namespace: "default", name },
  protocol: "http1",
  endpoints: { kind: "static", addresses: [] },
  policy: {},
});

const match = (
  path: RouteMatch["path"],
  action: RouteMatch["rule"]["action"],
  more: Partial<RouteMatch> = {},
): RouteMatch => ({
  path,
  headers: [],
  queryParams: [],
  matchIndex: 0,
  routeHostname: "*",
  origin,
  rule: rule(JSON.stringify([path, more.headers]), action),
  ...more,
});

const forward = (...clusters: number[]): RouteMatch["rule"]["action"] => ({
  kind: "forward",
  requestHeaders: noEdits,
  backends: clusters.map((c) => ({ weight: 1, cluster: c, requestHeaders: noEdits, origin })),
});

const gatewayPort = (
  name: string,
  matches: readonly RouteMatch[],
  hostname = "*",
): GatewayPort => ({
  gateway: { namespace: "default", name },
  port: 80,
  protocol: "HTTP",
  listeners: [{ name: "http" }],
  virtualHosts: [{ hostname, listener: "http", matches }],
});

const prefix = (value: string): RouteMatch["path"] => ({ kind: "prefix", value });

function started(ir: Ir, configuration = ""): HostedFilter {
  const filter = hostFilter(bake(filterWasm(), world(ir).table));
  expect(filter.start(), filter.logs.join()).toBe(true);
  expect(filter.configure(1, configuration), filter.logs.join()).toBe(true);
  return filter;
}

const get = (target: string, ...more: Header[]): Header[] => [
  [":authority", "a.example.com"],
  [":path", target],
  [":method", "GET"],
  ...more,
];

const steered = (filter: HostedFilter, headers: readonly Header[]): string | undefined =>
  filter.request(2, headers).headers.find(([n]) => n === "x-fairlead-cluster")?.[1];

const two: Ir = {
  clusters: [cluster("one"), cluster("two")],
  gatewayPorts: [gatewayPort("g", [match(prefix(""), forward(0, 1))])],
};

test("the filter imports only the host calls it declares, and no WASI", () => {
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(filterWasm()))
    .map((i) => `${i.module}.${i.name}`)
    .sort();
  expect(imports).toEqual([
    "env.proxy_add_header_map_value",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_property",
    "env.proxy_log",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_send_local_response",
  ]);
});

test("the filter without a table is no larger than 24 KB", () => {
  expect(filterWasm().length).toBeLessThanOrEqual(24 * 1024);
});

test("the callback that tells gateway ports apart is exported only where there are several", () => {
  const exportsOf = (ir: Ir): string[] =>
    Object.keys(hostFilter(bake(filterWasm(), world(ir).table)).exports);
  expect(exportsOf(two)).not.toContain("proxy_on_context_create");
  expect(
    exportsOf({ ...two, gatewayPorts: [...two.gatewayPorts, gatewayPort("h", [])] }),
  ).toContain("proxy_on_context_create");
});

test("a million requests add not one page of memory", () => {
  const filter = started(two);
  const pages = filter.memory.buffer.byteLength;
  const headers = get("/some/path?with=query");
  let first = 0;
  for (let i = 0; i < 1_000_000; i++) if (steered(filter, headers) === "one") first += 1;
  expect(filter.memory.buffer.byteLength).toBe(pages);
  expect(first).toBe(500_000);
}, 120_000);

test("where one virtual host and one prefix decide, nothing of the request is read", () => {
  const filter = started(two);
  expect(steered(filter, get("/"))).toBe("one");
  expect(filter.calls).toEqual(["replace_header_map_value"]);
});

test("what decides is read in one call, whatever it is", () => {
  const filter = started({
    ...two,
    gatewayPorts: [gatewayPort("g", [match(prefix("/a"), forward(1))], "a.example.com")],
  });
  expect(steered(filter, get("/a/b"))).toBe("two");
  expect(filter.calls).toEqual(["get_header_map_pairs", "replace_header_map_value"]);
  expect(
    filter.request(2, [
      [":authority", "other"],
      [":path", "/a"],
    ]),
  ).toMatchObject({ action: "respond", status: 404, details: "fairlead_no_route" });
});

test("a header that counts is read with all its repetitions, in one call", () => {
  const headers = [{ kind: "exact" as const, name: "version", value: "1, 2" }];
  const filter = started({
    ...two,
    gatewayPorts: [
      gatewayPort("g", [match(prefix(""), forward(0)), match(prefix(""), forward(1), { headers })]),
    ],
  });
  expect(steered(filter, get("/", ["version", "1"], ["x", "y"], ["version", "2"]))).toBe("two");
  expect(steered(filter, get("/", ["version", "1, 2"]))).toBe("two");
  expect(steered(filter, get("/", ["version", "1"]))).toBe("one");
  expect(filter.calls).toEqual(["get_header_map_pairs", "replace_header_map_value"]);
});

test("what a client says of the cluster is overwritten, never followed", () => {
  const filter = started(two);
  expect(steered(filter, get("/", ["x-fairlead-cluster", "secret"]))).toBe("one");
});

test("edits are carried out in order: the rule's, then the picked backend's", () => {
  const filter = started({
    ...two,
    gatewayPorts: [
      gatewayPort("g", [
        match(prefix(""), {
          kind: "forward",
          requestHeaders: {
            set: [{ name: "a", value: "1" }],
            add: [{ name: "b", value: "2" }],
            remove: ["c"],
          },
          backends: [0, 1].map((c) => ({
            weight: 1,
            cluster: c,
            origin,
            requestHeaders: { ...noEdits, set: [{ name: "b", value: `from ${c}` }] },
          })),
        }),
      ]),
    ],
  });
  const { headers } = filter.request(2, [
    ["a", "0"],
    ["b", "0"],
    ["c", "0"],
  ]);
  expect(headers).toEqual([
    ["a", "1"],
    ["b", "from 0"],
    ["x-fairlead-cluster", "one"],
  ]);
});

test("a redirect is answered with its Location", () => {
  const filter = started({
    ...two,
    gatewayPorts: [
      gatewayPort("g", [
        match(prefix("/old"), {
          kind: "redirect",
          statusCode: 301,
          scheme: "https",
          port: 8443,
          path: { kind: "prefix", value: "/new/" },
        }),
      ]),
    ],
  });
  expect(filter.request(2, get("/old/page?q=1"))).toMatchObject({
    action: "respond",
    status: 301,
    details: "fairlead_redirect",
    responseHeaders: [["location", "https://a.example.com:8443/new/page?q=1"]],
  });
});

test("a request that does not fit the arena gets 431, and the next one is served", () => {
  const filter = started({
    ...two,
    gatewayPorts: [gatewayPort("g", [match(prefix("/a"), forward(0))])],
  });
  const endless = filter.request(2, get(`/a/${"x".repeat(140_000)}`));
  expect(endless).toMatchObject({ status: 431, details: "fairlead_headers_too_large" });
  expect(steered(filter, get("/a/b"))).toBe("one");
});

test("headers that do not fit the arena do not matter where none of them decides", () => {
  const endless: Header = ["cookie", "x".repeat(140_000)];
  const paths = started({
    ...two,
    gatewayPorts: [
      gatewayPort("g", [match(prefix("/a"), forward(1), { method: "GET" })], "a.example.com"),
    ],
  });
  expect(steered(paths, get("/a/b", endless))).toBe("two");
  const headers = [{ kind: "exact" as const, name: "version", value: "1" }];
  const conditions = started({
    ...two,
    gatewayPorts: [gatewayPort("g", [match(prefix("/a"), forward(1), { headers })])],
  });
  const read = get("/a/b", ["version", "1"]);
  expect(conditions.request(2, [...read, endless]).status).toBe(431);
  expect(steered(conditions, read)).toBe("two");
});

test("each stream is served by its plugin's gateway port, also when memory of it is gone", () => {
  const filter = hostFilter(
    bake(
      filterWasm(),
      world({
        ...two,
        gatewayPorts: [
          gatewayPort("g", [match(prefix(""), forward(0))]),
          gatewayPort("h", [match(prefix(""), forward(1))]),
        ],
      }).table,
    ),
  );
  expect(filter.start()).toBe(true);
  expect(filter.configure(1, "default/g:80")).toBe(true);
  expect(filter.configure(2, "default/h:80")).toBe(true);
  const open = filter.exports["proxy_on_context_create"] as (context: number, root: number) => void;
  open(10, 1);
  open(11, 2);
  const at = (context: number): string | undefined =>
    filter.request(context, get("/")).headers.find(([n]) => n === "x-fairlead-cluster")?.[1];
  expect([at(10), at(11)]).toEqual(["one", "two"]);
  // 4,096 streams later the place is another stream's; the root's id, "default/h:80", tells.
  open(11 + 4096, 1);
  expect(at(11)).toBe("two");
  expect(filter.calls[0]).toBe("get_property");
});

test("without a configuration the plugin's root id names the gateway port", () => {
  const filter = hostFilter(
    bake(
      filterWasm(),
      world({
        ...two,
        gatewayPorts: [...two.gatewayPorts, gatewayPort("h", [])],
      }).table,
    ),
  );
  expect(filter.start()).toBe(true);
  expect(filter.configure(1, "", "default/h:80")).toBe(true);
  expect(filter.configure(1, "", "default/other:80")).toBe(false);
});

test("a gateway port that the table does not have is refused, and the log names it", () => {
  const filter = hostFilter(bake(filterWasm(), world(two).table));
  expect(filter.start()).toBe(true);
  expect(filter.configure(1, "default/other:80")).toBe(false);
  expect(filter.logs).toEqual(["fairlead: no such gateway port: default/other:80"]);
  expect(filter.configure(1, "default/g:80")).toBe(true);
});

test("a filter without a table, or with a damaged one, refuses to start", () => {
  const bare = hostFilter(filterWasm());
  expect(bare.start()).toBe(true);
  expect(bare.configure(1, "default/g:80")).toBe(false);
  expect(bare.logs).toEqual([
    "fairlead: no table: none is baked in, and the plugin's configuration has none",
  ]);
  const damaged = world(two).table.slice();
  damaged[damaged.length - 1] = (damaged[damaged.length - 1] ?? 0) ^ 1;
  const filter = hostFilter(bake(filterWasm(), damaged));
  expect(filter.start()).toBe(false);
  expect(filter.logs).toEqual(["fairlead: table refused, code 05"]);
});
