// The manifests that the API server is asked about.

import { kinds, type Kind } from "../../../compiler/schema/catalog.ts";
import { httpRuleCases } from "../http-cases.ts";
import { otherRuleCases } from "../other-cases.ts";
import { bases } from "./bases.ts";
import { coreCases } from "./core.ts";
import { derivedCases } from "./derived.ts";

export interface Case {
  readonly name: string;
  readonly kind: string;
  readonly manifest: Readonly<Record<string, unknown>>;
}

export interface Recorded extends Case {
  readonly accepted: boolean;
  /** The server's causes: a machine reason and, where it names one, a field. */
  readonly causes?: readonly string[];
}

export function manifestOf(kind: Kind, spec: unknown, version?: string): Record<string, unknown> {
  const served = version ?? Object.keys(kind.versions)[0] ?? "";
  const head = {
    apiVersion: kind.group === "" ? served : `${kind.group}/${served}`,
    kind: kind.kind, metadata: { name: "x" },
  };
  if (kind.part === "spec") return { ...head, spec };
  return typeof spec === "object" && spec !== null ? { ...head, ...spec } : head;
}

function ofTable(): readonly Case[] {
  return [...httpRuleCases, ...otherRuleCases].map((c) => {
    const kind = kinds.find((k) => k.kind === c.kind)!;
    return {
      name: c.name, kind: c.kind,
      manifest: manifestOf(kind, JSON.parse(JSON.stringify(c.spec)), c.version),
    };
  });
}

function ofBases(): readonly Case[] {
  return kinds.flatMap((kind) => bases(kind).map((spec, i) => ({
    name: `base ${i + 1}`, kind: kind.kind, manifest: manifestOf(kind, spec),
  })));
}

/** In order, and no manifest twice. */
export function allCases(): readonly Case[] {
  const seen = new Set<string>();
  const all = [...ofTable(), ...coreCases, ...ofBases(), ...derivedCases(manifestOf)];
  return all.filter((c) => {
    const text = JSON.stringify(c.manifest);
    return !seen.has(text) && seen.add(text);
  });
}
