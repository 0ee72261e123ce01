// The objects of one conformance test and their life: what a cluster would hold, the mutations that
// its steps ask for, and the status that the compiler gives for it.

import { decode } from "../../compiler/decode.ts";
import { parse } from "../../compiler/parse.ts";
import { policies } from "../../compiler/policy.ts";
import { lower } from "../../compiler/lower.ts";
import { rank } from "../../compiler/rank.ts";
import type { Ir } from "../../compiler/ir.ts";
import type { Inventory } from "../../compiler/resources.ts";
import { resolve } from "../../compiler/resolve/resolve.ts";
import { status } from "../../compiler/status.ts";
import { makeCertificate } from "./certificate.ts";
import type { Json } from "./json.ts";

export const controller = "fairlead.dev/gateway-controller";
const className = "fairlead";

export const keyOf = (kind: string, { namespace, name }: Json): string =>
  `${kind}/${namespace ?? ""}/${name}`;

export function mergePatch(target: Json, patch: Json): Json {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const out = target !== null && typeof target === "object" && !Array.isArray(target)
    ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else out[key] = mergePatch(out[key], value);
  }
  return out;
}

/** Certificates by the name that placeholders use; made once for all tests. */
export function makeSecrets(generated: readonly Json[]): {
  readonly objects: readonly Json[]; readonly values: ReadonlyMap<string, string>;
} {
  const values = new Map<string, string>();
  const objects = generated.map(({ kind, namespace, name, secretType }) => {
    const { certificate, key } = makeCertificate(name);
    const data: Record<string, string> = kind === "ConfigMap" ? { "ca.crt": certificate }
      : { "tls.crt": certificate, "tls.key": key };
    for (const [field, text] of Object.entries(data)) {
      values.set(`${kind}/${namespace}/${name}#${field}`, text);
    }
    const encoded = Object.fromEntries(Object.entries(data)
      .map(([field, text]) => [field, Buffer.from(text).toString("base64")]));
    return { apiVersion: "v1", kind, metadata: { name, namespace },
      ...(kind === "Secret" ? { type: secretType } : {}), data: kind === "Secret" ? encoded
        : data };
  });
  return { objects, values };
}

export class World {
  readonly objects = new Map<string, Json>();
  readonly seeded = new Map<string, Json>();
  readonly generationBefore = new Map<string, number>();
  readonly secrets: ReadonlyMap<string, string>;
  #born = 0;
  #status: ReadonlyMap<string, Json> | undefined;
  #ir: Ir | undefined;

  constructor(documents: readonly Json[], secrets: ReadonlyMap<string, string>) {
    this.secrets = secrets;
    this.add({ apiVersion: "gateway.networking.k8s.io/v1", kind: "GatewayClass",
      metadata: { name: className }, spec: { controllerName: controller } });
    for (const document of documents) this.add(document);
  }

  /** Placeholders in every string. */
  resolve(value: Json): Json {
    if (typeof value === "string") {
      return value
        .replace(/\{\{generated:([^}]+)\}\}/g, (_, id) => this.secrets.get(id) ?? `no ${id}`)
        .replace(/\{\{controllerName\}\}|\{GATEWAY_CONTROLLER_NAME\}/g, controller)
        .replace(/\{GATEWAY_CLASS_NAME\}/g, className)
        .replace(/\{\{usableAddress\}\}|PLACEHOLDER_USABLE_ADDRS/g, "127.0.0.1")
        .replace(/\{\{unusableAddress\}\}|PLACEHOLDER_UNUSABLE_ADDRS/g, "192.0.2.1")
        .replace(/\{\{usableAddressType\}\}/g, "IPAddress");
    }
    if (Array.isArray(value)) return value.map((v) => this.resolve(v));
    if (!value || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, this.resolve(v)]));
  }

  add(document: Json): void {
    const object = this.resolve(document);
    if (object.kind === "Gateway") object.spec.gatewayClassName = className;
    if (object.kind === "GatewayClass") object.spec.controllerName = controller;
    const key = keyOf(object.kind, object.metadata);
    const old = this.objects.get(key);
    const same = old && JSON.stringify(old.spec) === JSON.stringify(object.spec);
    const generation = old ? old.metadata.generation + (same ? 0 : 1) : 1;
    const creationTimestamp = old?.metadata.creationTimestamp
      ?? new Date(Date.UTC(2026, 0, 1) + ++this.#born * 1000).toISOString();
    object.metadata = { ...object.metadata, generation, creationTimestamp };
    if (old) this.generationBefore.set(key, old.metadata.generation);
    this.objects.set(key, object);
    this.#status = this.#ir = undefined;
  }

  mutate(step: Json): void {
    if (step.type === "apply") return step.objects.forEach((o: Json) => this.add(o));
    const key = keyOf(step.object.kind, step.object);
    const object = this.objects.get(key);
    if (!object) throw new Error(`${step.type}: there is no ${key}`);
    if (step.type === "statusPatch") return this.seed(key, object, step.patch.status);
    if (step.type === "patch") return this.add(mergePatch(object, step.patch));
    this.objects.delete(key);
    this.#status = this.#ir = undefined;
  }

  /** Another controller's entries, beside those that we wrote ourselves. */
  seed(key: string, object: Json, patch: Json): void {
    const printed = structuredClone(this.status().get(key)?.status ?? {});
    const stale = (conditions: Json[] = []): Json[] =>
      conditions.filter((c) => c.type.endsWith("/StaleCondition"));
    for (const list of ["parents", "ancestors"]) {
      if (!patch[list]) continue;
      printed[list] = [...printed[list] ?? [],
        ...patch[list].filter((e: Json) => e.controllerName.includes("/stale-controller"))];
    }
    if (patch.conditions) {
      printed.conditions = [...printed.conditions ?? [], ...stale(patch.conditions)];
    }
    for (const listener of patch.listeners ?? []) {
      const own = printed.listeners?.find((l: Json) => l.name === listener.name);
      own?.conditions.push(...stale(listener.conditions));
    }
    this.seeded.set(key, { status: structuredClone(printed) });
    this.objects.set(key, { ...object, status: printed });
    this.#status = this.#ir = undefined;
  }

  /** The objects as the front end reads them from a file. */
  inventory(): Inventory {
    const text = [...this.objects.values()].map((o) => JSON.stringify(o)).join("\n---\n");
    return decode(parse({ path: "input.yaml", text }).manifests).inventory;
  }

  status(): ReadonlyMap<string, Json> {
    this.#status ??= new Map(status(resolve(this.inventory()).resolved)
      .map((r: Json) => [keyOf(r.kind, r.metadata), r]));
    return this.#status;
  }

  ir(): Ir {
    this.#ir ??= this.lowered();
    return this.#ir;
  }

  lowered(): Ir {
    const inventory = this.inventory();
    return rank(lower(resolve(inventory).resolved, policies(inventory)).ir);
  }
}
