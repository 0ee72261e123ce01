// Manifests → resources by kind: validated against their published schemas, defaults filled in.

import { diagnostic, sortDiagnostics, type Diagnostic } from "./diagnostic.ts";
import { identify, type Identity } from "./decode/identify.ts";
import { left } from "./decode/left.ts";
import { validate } from "./decode/validate.ts";
import { formatPath, type Manifest } from "./manifest.ts";
import { isOwn, leftOwn } from "./own.ts";
import type { Inventory, ObjectMeta, Resource } from "./resources.ts";
import { kinds, type Kind } from "./schema/catalog.ts";
import { isFields, type Fields, type Problem } from "./schema/schema.ts";

export interface Decoded {
  readonly inventory: Inventory;
  readonly diagnostics: readonly Diagnostic[];
}

interface Entry {
  readonly manifest: Manifest;
  readonly identity: Identity;
}

/** `judgeOf` answers as `judge` does: half of a compilation's time is spent on schemas. */
export function decode(
  manifests: readonly Manifest[], judgeOf: (manifest: Manifest) => Judged = judge,
): Decoded {
  const diagnostics: Diagnostic[] = [];
  const broken = new Set<string>();
  const entries: Entry[] = [];
  const strangers: Manifest[] = [];
  const own: Manifest[] = [];
  for (const manifest of byPlace(manifests)) {
    const found = identify(manifest);
    if (found.kind === "stranger") strangers.push(manifest);
    else if (found.kind === "known") entries.push({ manifest, identity: found.identity });
    else if (!manifest.broken) {
      diagnostics.push(...found.problems.map((p) => toDiagnostic(p, manifest)));
      if (found.key !== undefined) broken.add(found.key);
    }
  }
  const lists = new Map<Kind["list"], Resource[]>(kinds.map((k) => [k.list, []]));
  for (const { manifest, identity } of distinct(entries, broken, diagnostics)) {
    const judged = judgeOf(manifest);
    diagnostics.push(...judged.problems.map((p) => toDiagnostic(p, manifest, identity)));
    if (judged.resource === undefined) broken.add(identity.key);
    else if (isOwn(judged.resource)) own.push(manifest);
    else lists.get(identity.kind.list)?.push(judged.resource);
  }
  diagnostics.push(...left(strangers), ...leftOwn(own));
  return { inventory: inventoryOf(lists, broken), diagnostics: sortDiagnostics(diagnostics) };
}

export interface Judged {
  readonly problems: readonly Problem[];
  /** Absent where its schema refuses it. */
  readonly resource?: Resource;
}

/** One document against its schema, whatever else there is. */
export function judge(manifest: Manifest): Judged {
  const found = identify(manifest);
  if (manifest.broken || found.kind !== "known") return { problems: [] };
  const { identity } = found;
  const { problems, spec } = validate(manifest, identity);
  return problems.length > 0 ? { problems }
    : { problems, resource: resource(manifest, identity, spec) };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** So that "the first of two" does not depend on the order of the input files. */
function byPlace(manifests: readonly Manifest[]): readonly Manifest[] {
  const keyed = manifests.map((manifest) => ({ manifest, start: manifest.at([]).start }));
  keyed.sort((a, b) =>
    compareText(a.manifest.file.path, b.manifest.file.path) || a.start - b.start
    || compareText(a.manifest.file.text, b.manifest.file.text));
  return keyed.map((k) => k.manifest);
}

/**
 * Each resource once. A repeated definition that says the same is harmless (files often repeat
 * their Namespace); one that says something else leaves open which of the two is meant.
 */
function distinct(
  entries: readonly Entry[], broken: Set<string>, diagnostics: Diagnostic[],
): readonly Entry[] {
  const first = new Map<string, Entry>();
  const conflicting = new Set<string>();
  for (const entry of entries) {
    const { fullKey, key } = entry.identity;
    const known = first.get(fullKey);
    if (!known) {
      first.set(fullKey, entry);
      continue;
    }
    if (JSON.stringify(known.manifest.value) === JSON.stringify(entry.manifest.value)) continue;
    conflicting.add(fullKey);
    broken.add(key);
    diagnostics.push(diagnostic({
      code: "FL0108",
      title: `${entry.identity.title} is defined twice, and differently`,
      primary: { span: nameSpan(entry.manifest), text: "defined again here" },
      secondary: [{ span: nameSpan(known.manifest), text: "first defined here" }],
      resource: entry.identity.title,
      path: "metadata.name",
      help: "delete one of them, or give it another name or namespace",
    }));
  }
  return [...first.values()].filter((e) => !conflicting.has(e.identity.fullKey));
}

function nameSpan(manifest: Manifest): ReturnType<Manifest["at"]> {
  return manifest.at(["metadata", "name"]);
}

function toDiagnostic(problem: Problem, manifest: Manifest, identity?: Identity): Diagnostic {
  const { code, path, part, title, label, help, about = path } = problem;
  return diagnostic({
    code, title,
    primary: {
      span: manifest.at(path, part),
      ...(label !== undefined && { text: label }),
    },
    ...(identity && { resource: identity.title }),
    ...(about.length > 0 && { path: formatPath(about) }),
    ...(help !== undefined && { help }),
  });
}

function resource(manifest: Manifest, identity: Identity, spec: unknown): Resource {
  const value: Fields = isFields(manifest.value) ? manifest.value : {};
  return {
    apiVersion: identity.apiVersion,
    kind: identity.kind.kind,
    metadata: metadataOf(value, identity),
    spec,
    ...(value.status !== undefined && value.status !== null && { status: value.status }),
    manifest,
  };
}

function metadataOf(value: Fields, identity: Identity): ObjectMeta {
  const metadata: Fields = isFields(value.metadata) ? value.metadata : {};
  const kept: Record<string, unknown> = {};
  for (const field of ["labels", "annotations", "creationTimestamp", "generation", "uid"]) {
    const found = metadata[field];
    if (found !== undefined && found !== null) kept[field] = found;
  }
  return { name: identity.name, namespace: identity.namespace, ...kept };
}

function inventoryOf(
  lists: ReadonlyMap<Kind["list"], readonly Resource[]>, broken: ReadonlySet<string>,
): Inventory {
  const sorted = [...lists].map(([list, resources]) => [
    list,
    [...resources].sort((a, b) =>
      compareText(a.metadata.namespace, b.metadata.namespace)
      || compareText(a.metadata.name, b.metadata.name)),
  ]);
  const inventory = { ...Object.fromEntries(sorted), broken: new Set([...broken].sort()) };
  // Each list holds what its kind's schema has accepted: that is what the types say.
  return inventory as Inventory;
}
