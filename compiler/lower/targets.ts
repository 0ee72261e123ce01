// What a backend is called, whichever kind it is of.

import type { Destined } from "../policy.ts";
import { serviceHostOf } from "../policy/hosts.ts";
import type { BackendTarget } from "../resolve/resolved.ts";
import type { ObjectMeta } from "../resources.ts";

/** The Service or ServiceEntry that the backend is of. */
export function ownerOf(target: BackendTarget): ObjectMeta {
  return target.kind === "service" ? target.service.metadata : target.entry.metadata;
}

export function hostOf(target: BackendTarget): string {
  return target.kind === "service" ? serviceHostOf(target.service.metadata) : target.host;
}

export function destinedOf(target: BackendTarget): Destined {
  return { host: hostOf(target), namespace: ownerOf(target).namespace };
}

/** Istio's form, so that one table serves a plain Envoy, Istio and the edge. */
export function clusterName(target: BackendTarget): string {
  return `outbound|${target.port.port}|${target.subset?.name ?? ""}|${hostOf(target)}`;
}
