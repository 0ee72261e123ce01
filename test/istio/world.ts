// From manifests as text to what the Istio target makes of them, as plain data.

import { parseAllDocuments } from "yaml";

import { compile } from "../../compiler/compile.ts";
import type { Diagnostic } from "../../compiler/diagnostic.ts";
import { hasError } from "../../compiler/diagnostic.ts";
import { emitIstio, type IstioOptions } from "../../compiler/emit/istio.ts";
import type { TableCarrier } from "../../compiler/emit/plugin-config.ts";
import type { Ir } from "../../compiler/ir.ts";
import { filterWasm } from "../../compiler/prebuilt.ts";

// Each test looks at the fields it is about.
export type Loose = ReturnType<typeof JSON.parse>;

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: Loose;
}

export interface Built {
  readonly ir: Ir;
  readonly manifests: readonly Manifest[];
  readonly of: (kind: string) => readonly Manifest[];
  /** By path below the output folder. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly diagnostics: readonly Diagnostic[];
  readonly codes: readonly string[];
}

export function build(
  text: string, options: IstioOptions = {}, carrier?: TableCarrier,
): Built {
  const { ir, resolved, diagnostics: found } = compile([{ path: "in.yaml", text }]);
  if (hasError(found)) throw new Error(found.map((d) => `${d.code} ${d.title}`).join("; "));
  const { artifacts, diagnostics } = emitIstio({
    ir, resolved, filterWasm: filterWasm(), options, ...(carrier && { carrier }),
  });
  const files = new Map(artifacts.map(({ path, bytes }) => [path, bytes]));
  const manifests = artifacts
    .filter(({ path }) => path.endsWith(".yaml") && !path.endsWith("kustomization.yaml"))
    .flatMap(({ bytes }) => documents(bytes));
  return {
    ir, files, diagnostics, manifests,
    of: (kind) => manifests.filter((m) => m.kind === kind),
    codes: diagnostics.map(({ code }) => code),
  };
}

export function documents(bytes: Uint8Array): readonly Manifest[] {
  return parseAllDocuments(new TextDecoder().decode(bytes)).map((d) => d.toJS() as Manifest);
}

/** A Gateway of Istio's in namespace `demo`, a Service `a` and a route to it. */
export function gateway(name: string, listeners: string, more = ""): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: ${name}, namespace: demo }
spec: { gatewayClassName: istio, listeners: [${listeners}]${more} }
---`;
}

export const http80 = "{ name: http, protocol: HTTP, port: 80 }";

export function service(name: string, spec = "ports: [{ port: 80 }]"): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: demo }
spec: { ${spec} }
---`;
}

export function route(
  name: string, hostname: string | undefined, rule = "", parent = "gw",
): string {
  const rules = rule || "backendRefs: [{ name: a, port: 80 }]";
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: ${name}, namespace: demo }
spec:
  parentRefs: [{ name: ${parent} }]
  hostnames: [${hostname ?? ""}]
  rules: [{ ${rules} }]
---`;
}
