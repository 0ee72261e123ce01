// The workers that are compared, each as the files of a workerd of its own.

import { build } from "esbuild";

import { compile } from "../../compiler/compile.ts";
import { hasError } from "../../compiler/diagnostic.ts";
import { emit } from "../../compiler/emit.ts";
import { compatibilityDate, compatibilityFlags } from "../../runtime/edge/platform.ts";
import { manifests, routePath } from "../envoy/workload.ts";

export interface Worker {
  /** Of modules, by the name they are imported by; the first is the entry. */
  readonly modules: readonly Module[];
}

export interface Module {
  readonly name: string;
  readonly content: string | Uint8Array;
}

/**
 * The smallest worker of all, which answers each request alike: whatever is above it is the
 * routing's. Of a redirect `location` is a part, which costs workerd more than an answer without.
 */
export function answerOnly(status: number, location?: string): Worker {
  const headers = location === undefined ? "" : `, headers: { location: "${location}" }`;
  return scripted(`
export default { fetch() { return new Response(null, { status: ${status}${headers} }); } };
`);
}

/** The least that passes requests on. */
export function forwardAll(origin: string): Worker {
  return scripted(`
export default {
  fetch(request) {
    const { url } = request;
    return fetch("${origin}" + url.slice(url.indexOf("/", url.indexOf("//") + 2)), request);
  },
};
`);
}

/** The same behind hono, which has the same routes as ours. */
export async function honoForward(origin: string, routes: number): Promise<Worker> {
  const text = `
import { Hono } from "hono";
const app = new Hono();
const forward = ({ req: { raw } }) =>
  fetch("${origin}" + raw.url.slice(raw.url.indexOf("/", raw.url.indexOf("//") + 2)), raw);
for (const path of ${JSON.stringify(Array.from({ length: routes }, (_, i) => routePath(i)))}) {
  app.all(path + "/*", forward);
}
export default app;
`;
  const { outputFiles: [file] } = await build({
    stdin: { contents: text, resolveDir: import.meta.dirname, loader: "js" },
    bundle: true, format: "esm", write: false, minify: true,
  });
  return scripted(file?.text ?? "");
}

export type Endpoint = "address" | "name";

/**
 * What `fairlead build --target edge` writes. With an address the worker speaks HTTP over a socket
 * of its own, so that the client's Host arrives; with a name it uses the platform's `fetch`.
 */
export function fairlead(routes: number, upstreamPort: number, endpoint: Endpoint): Worker {
  const compilation = compile([
    { path: "bench.yaml", text: manifestsFor(routes, upstreamPort, endpoint) },
    { path: "redirect.yaml", text: redirect },
  ]);
  const emission = emit(compilation, { targets: ["edge"] });
  const diagnostics = [...compilation.diagnostics, ...emission.diagnostics];
  if (hasError(diagnostics)) throw new Error(`it does not compile: ${diagnostics[0]?.title}`);
  const moduleOf = (name: string): Module => {
    const found = emission.artifacts.find(({ path }) => path === `edge/${name}`);
    if (found === undefined) throw new Error(`the edge target has no ${name}`);
    return { name, content: found.bytes };
  };
  return { modules: ["worker.js", "core.wasm", "routes.bin", "config.js"].map(moduleOf) };
}

export const redirectPath = "/moved/for/good";

/** Its Location. */
export const redirectTarget = `http://elsewhere.example.com${redirectPath}`;

const redirect = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: moved, namespace: bench}
spec:
  parentRefs: [{name: bench}]
  hostnames: [bench.example.com]
  rules:
    - matches: [{path: {type: PathPrefix, value: /moved}}]
      filters:
        - type: RequestRedirect
          requestRedirect: {hostname: elsewhere.example.com, statusCode: 301}
`;

/** The Envoy benchmark's manifests; for a name, the Service stands for one outside. */
function manifestsFor(routes: number, upstreamPort: number, endpoint: Endpoint): string {
  const text = manifests(routes, upstreamPort);
  if (endpoint === "address") return text;
  return text.split("---\n").flatMap((part) => {
    const resource: { kind: string; metadata: object; spec?: object } = JSON.parse(part);
    if (resource.kind === "EndpointSlice") return [];
    if (resource.kind === "Gateway") return [part];
    if (resource.kind !== "Service") {
      return [part.replaceAll(`"port":80}`, `"port":${upstreamPort}}`)];
    }
    const spec = {
      type: "ExternalName", externalName: "localhost",
      ports: [{ name: "http", port: upstreamPort }],
    };
    return [`${JSON.stringify({ ...resource, spec })}\n`];
  }).join("---\n");
}

function scripted(text: string): Worker {
  return { modules: [{ name: "worker.js", content: text.trimStart() }] };
}

/** A workerd configuration in which `worker` may reach this machine. */
export function configuration({ modules }: Worker): string {
  const kinds: Readonly<Record<string, string>> = { js: "esModule", wasm: "wasm", bin: "data" };
  const lines = modules.map(({ name }) => {
    const kind = kinds[name.slice(name.lastIndexOf(".") + 1)] ?? "data";
    return `    (name = ${JSON.stringify(name)}, ${kind} = embed ${JSON.stringify(name)}),`;
  });
  return `using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (allow = ["public", "private", "local"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);

const worker :Workerd.Worker = (
  modules = [
${lines.join("\n")}
  ],
  compatibilityDate = ${JSON.stringify(compatibilityDate)},
  compatibilityFlags = ${JSON.stringify(compatibilityFlags)},
);
`;
}
