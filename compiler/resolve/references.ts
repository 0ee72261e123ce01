// Following the references that lead to certificates and other objects of data. Each answer is what
// was found, or the fault that the referring resource has to report.

import type { Certificate } from "../ir.ts";
import type { ObjectKey, Resource } from "../resources.ts";
import { isEnvoyProxy } from "../resources/envoy-gateway.ts";
import { authorityOf, certificateOf } from "./certificates.ts";
import { gatewayGroup, isGranted, keyText, type Lookup } from "./lookup.ts";
import type { Names } from "./nearest.ts";
import { describe, didYouMean } from "./report.ts";

export interface Reference {
  readonly group: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface Fault {
  readonly cause: "kind" | "grant" | "missing" | "malformed";
  readonly message: string;
  readonly help?: string;
  /** The referent's own document is the cause and has been reported. */
  readonly known: boolean;
}

export type Followed<Found> = { readonly found: Found } | { readonly fault: Fault };

function kindText(ref: Reference): string {
  return ref.group ? `${ref.group}/${ref.kind}` : ref.kind;
}

/** The rules that are the same for Secrets and ConfigMaps. */
function follow<Found>(
  look: Lookup, owner: Resource, ref: Reference, kind: "Secret" | "ConfigMap",
  find: (key: ObjectKey) => Found | undefined, names: () => Iterable<string> | Names,
): Followed<Found> {
  const key = { namespace: ref.namespace || owner.metadata.namespace, name: ref.name };
  if (ref.group !== "" || ref.kind !== kind) {
    const message = `\`${kindText(ref)}\` is not a kind that can be used here, only \`${kind}\` is`;
    return { fault: { cause: "kind", message, known: false } };
  }
  const from = { group: gatewayGroup, kind: owner.kind, namespace: owner.metadata.namespace };
  if (!isGranted(look, from, { group: "", kind, ...key })) {
    const message = `no ReferenceGrant in namespace \`${key.namespace}\` lets `
      + `${describe(owner)} refer to ${kind} \`${key.name}\``;
    const known = look.anyBroken("ReferenceGrant", key.namespace);
    return { fault: { cause: "grant", message, known } };
  }
  const found = find(key);
  if (found !== undefined) return { found };
  return { fault: {
    cause: "missing",
    message: `no ${kind} \`${key.name}\` in namespace \`${key.namespace}\``,
    help: didYouMean(key.name, names()),
    known: look.isBroken(kind, key),
  } };
}

function malformed(
  kind: string, key: string, why: string,
): { readonly fault: Fault } {
  const message = `${kind} \`${key}\` cannot be used: ${why}`;
  return { fault: { cause: "malformed", message, known: false } };
}

/** A certificate with its private key. */
export function followCertificate(
  look: Lookup, owner: Resource, ref: Reference,
): Followed<Certificate> {
  const names = (): Names => look.secretNames(ref.namespace || owner.metadata.namespace);
  const answer = follow(look, owner, ref, "Secret", look.secret, names);
  if ("fault" in answer) return answer;
  const pair = certificateOf(answer.found);
  return "found" in pair ? pair
    : malformed("Secret", keyText(answer.found.metadata), pair.fault);
}

/** A bundle of certificates to trust. */
export function followAuthority(
  look: Lookup, owner: Resource, ref: Reference,
): Followed<string> {
  const names = (): string[] => look.inventory.configMaps
    .filter((c) => c.metadata.namespace === (ref.namespace || owner.metadata.namespace))
    .map((c) => c.metadata.name);
  const answer = follow(look, owner, ref, "ConfigMap", look.configMap, names);
  if ("fault" in answer) return answer;
  const bundle = authorityOf(answer.found);
  return "found" in bundle ? bundle
    : malformed("ConfigMap", keyText(answer.found.metadata), bundle.fault);
}

/** What several references led to, and the fault of each that led nowhere, in its place. */
export function sift<Found>(answers: readonly Followed<Found>[]): {
  readonly found: readonly Found[]; readonly faults: readonly (Fault | undefined)[];
} {
  return {
    found: answers.flatMap((answer) => ("found" in answer ? [answer.found] : [])),
    faults: answers.map((answer) => ("fault" in answer ? answer.fault : undefined)),
  };
}

/**
 * Parameters of a Gateway or its class. Routing has none of its own, so a ConfigMap is enough to
 * be right: what is in it configures a deployment, which we do not make. Nor do we ask for an
 * EnvoyProxy: most installations have one, and seldom where the routes are.
 */
export function parametersRefFault(
  look: Lookup, owner: Resource, ref: Reference,
): Fault | undefined {
  if (isEnvoyProxy(ref)) return undefined;
  const answer = follow(look, owner, ref, "ConfigMap", look.configMap, () => []);
  return "fault" in answer ? answer.fault : undefined;
}
