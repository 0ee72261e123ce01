// Following the references that lead to certificates and other objects of data. Each answer is the
// fault that the referring resource has to report, or nothing.

import type { ObjectKey, Resource } from "../resources.ts";
import { authorityFault, secretFault } from "./certificates.ts";
import { gatewayGroup, isGranted, keyText, type Lookup } from "./lookup.ts";
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

function kindText(ref: Reference): string {
  return ref.group ? `${ref.group}/${ref.kind}` : ref.kind;
}

/** The rules that are the same for Secrets and ConfigMaps. */
function follow<Found>(
  look: Lookup, owner: Resource, ref: Reference, kind: "Secret" | "ConfigMap",
  find: (key: ObjectKey) => Found | undefined, names: () => Iterable<string>,
): { readonly found: Found } | Fault {
  const key = { namespace: ref.namespace || owner.metadata.namespace, name: ref.name };
  if (ref.group !== "" || ref.kind !== kind) {
    const message = `\`${kindText(ref)}\` is not a kind that can be used here, only \`${kind}\` is`;
    return { cause: "kind", message, known: false };
  }
  const from = { group: gatewayGroup, kind: owner.kind, namespace: owner.metadata.namespace };
  if (!isGranted(look, from, { group: "", kind, ...key })) {
    return {
      cause: "grant",
      message: `no ReferenceGrant in namespace \`${key.namespace}\` lets ${describe(owner)} `
        + `refer to ${kind} \`${key.name}\``,
      known: look.anyBroken("ReferenceGrant", key.namespace),
    };
  }
  const found = find(key);
  if (found !== undefined) return { found };
  return {
    cause: "missing",
    message: `no ${kind} \`${key.name}\` in namespace \`${key.namespace}\``,
    help: didYouMean(key.name, names()),
    known: look.isBroken(kind, key),
  };
}

function malformed(kind: string, key: string, fault: string): Fault {
  const message = `${kind} \`${key}\` cannot be used: ${fault}`;
  return { cause: "malformed", message, known: false };
}

/** A certificate with its private key. */
export function certificateRefFault(
  look: Lookup, owner: Resource, ref: Reference,
): Fault | undefined {
  const names = (): string[] => look.inventory.secrets
    .filter((s) => s.metadata.namespace === (ref.namespace || owner.metadata.namespace))
    .map((s) => s.metadata.name);
  const answer = follow(look, owner, ref, "Secret", look.secret, names);
  if (!("found" in answer)) return answer;
  const fault = secretFault(answer.found);
  return fault ? malformed("Secret", keyText(answer.found.metadata), fault) : undefined;
}

/** A bundle of certificates to trust. */
export function authorityRefFault(
  look: Lookup, owner: Resource, ref: Reference,
): Fault | undefined {
  const names = (): string[] => look.inventory.configMaps
    .filter((c) => c.metadata.namespace === (ref.namespace || owner.metadata.namespace))
    .map((c) => c.metadata.name);
  const answer = follow(look, owner, ref, "ConfigMap", look.configMap, names);
  if (!("found" in answer)) return answer;
  const fault = authorityFault(answer.found);
  return fault ? malformed("ConfigMap", keyText(answer.found.metadata), fault) : undefined;
}

/**
 * Parameters of a Gateway or its class. Routing has none of its own, so a ConfigMap is enough to
 * be right: what is in it configures a deployment, which we do not make.
 */
export function parametersRefFault(
  look: Lookup, owner: Resource, ref: Reference,
): Fault | undefined {
  const answer = follow(look, owner, ref, "ConfigMap", look.configMap, () => []);
  return "found" in answer ? undefined : answer;
}
