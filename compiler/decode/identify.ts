// Which kind a document is of, and what it is called.

import type { Manifest } from "../manifest.ts";
import { closedGroups, kinds, type Kind } from "../schema/catalog.ts";
import { nearest } from "../schema/nearest.ts";
import { isFields, type Fields, type JsonSchema, type Problem } from "../schema/schema.ts";

export interface Identity {
  readonly kind: Kind;
  readonly schema: JsonSchema;
  readonly apiVersion: string;
  readonly namespace: string;
  readonly name: string;
  /** `Kind/namespace/name`, as `Inventory.broken` has it. */
  readonly key: string;
  /** With the group: two groups may have a kind of one name. */
  readonly fullKey: string;
  /** `HTTPRoute shop/checkout` */
  readonly title: string;
}

export type Identified =
  | { readonly kind: "known"; readonly identity: Identity }
  /** Of a kind that takes no part in routing. */
  | { readonly kind: "stranger" }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[]; readonly key?: string };

export function identify(manifest: Manifest): Identified {
  const { value } = manifest;
  if (!isFields(value)) {
    return invalid([{
      code: "FL0102", path: [], title: "this document is not a Kubernetes resource",
      help: "a resource is a map with `apiVersion`, `kind` and `metadata`",
    }]);
  }
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== "string" || typeof kind !== "string" || kind === "") {
    return invalid(untyped(value));
  }
  const group = groupOf(apiVersion);
  const known = kinds.find((k) => k.kind === kind && k.group === group);
  if (!known) return unknownKind(apiVersion, kind, group, value);
  const schema = known.versions[apiVersion.slice(group === "" ? 0 : group.length + 1)];
  const name = nameOf(value);
  const key = keyOf(known, value, name);
  if (!schema) return invalid([unservedVersion(apiVersion, known)], key);
  if (name === undefined || key === undefined) return invalid(nameless(value));
  const namespace = namespaceOf(known, value);
  const title = `${kind} ${namespace === "" ? "" : `${namespace}/`}${name}`;
  return {
    kind: "known",
    identity: {
      kind: known, schema, apiVersion, namespace, name, key, title, fullKey: `${group}/${key}`,
    },
  };
}

function invalid(problems: readonly Problem[], key?: string): Identified {
  return { kind: "invalid", problems, ...(key !== undefined && { key }) };
}

export function groupOf(apiVersion: string): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

function nameOf(value: Fields): string | undefined {
  const name = isFields(value.metadata) ? value.metadata.name : undefined;
  return typeof name === "string" && name !== "" ? name : undefined;
}

function namespaceOf(kind: Kind, value: Fields): string {
  if (kind.scope === "Cluster") return "";
  const namespace = isFields(value.metadata) ? value.metadata.namespace : undefined;
  return typeof namespace === "string" && namespace !== "" ? namespace : "default";
}

function keyOf(kind: Kind, value: Fields, name: string | undefined): string | undefined {
  return name === undefined ? undefined : `${kind.kind}/${namespaceOf(kind, value)}/${name}`;
}

function untyped(value: Fields): readonly Problem[] {
  return ["apiVersion", "kind"].filter((f) => typeof value[f] !== "string" || value[f] === "").map(
    (field): Problem => ({
      code: "FL0102",
      path: value[field] === undefined ? [] : [field],
      title: value[field] === undefined || value[field] === null
        ? `not a Kubernetes resource: \`${field}\` is missing`
        : `not a Kubernetes resource: \`${field}\` is not a name`,
    }),
  );
}

function nameless(value: Fields): readonly Problem[] {
  const { metadata } = value;
  if (!isFields(metadata)) {
    const title = metadata === undefined || metadata === null
      ? "`metadata` is missing" : "`metadata` is not a map";
    return [{
      code: "FL0102", path: ["kind"], about: ["metadata"], title,
      help: "a resource needs `metadata.name`",
    }];
  }
  const { name } = metadata;
  if (name === undefined || name === null || name === "") {
    return [{
      code: "FL0102", path: ["metadata"], about: ["metadata", "name"], part: "key",
      title: "`metadata.name` is missing",
    }];
  }
  return [{
    code: "FL0104", path: ["metadata", "name"],
    title: "`name` has to be a string", label: "put it in quotes",
  }];
}

function unservedVersion(apiVersion: string, kind: Kind): Problem {
  const versions = Object.keys(kind.versions).map(
    (v) => `\`${kind.group === "" ? v : `${kind.group}/${v}`}\``,
  );
  return {
    code: "FL0109", path: ["apiVersion"],
    title: `${kind.kind} is not served as \`${apiVersion}\``,
    label: `use ${versions[0] ?? ""}`,
    ...(versions.length > 1 && { help: `it is served as ${versions.join(", ")}` }),
  };
}

/** A slip in the group or the kind would silently leave the resource out: say so. */
function unknownKind(
  apiVersion: string, kind: string, group: string, value: Fields,
): Identified {
  const namesakes = kinds.filter((k) => k.kind === kind);
  const slip = nearest(group, namesakes.map((k) => k.group).filter((g) => g !== ""));
  const meant = namesakes.find((k) => k.group === slip);
  if (meant) {
    const version = Object.keys(meant.versions)[0] ?? "";
    return invalid([{
      code: "FL0109", path: ["apiVersion"],
      title: `${kind} is not served as \`${apiVersion}\``,
      label: `did you mean \`${meant.group}/${version}\`?`,
    }], keyOf(meant, value, nameOf(value)));
  }
  if (closedGroups.includes(group)) {
    const guess = nearest(kind, kinds.filter((k) => k.group === group).map((k) => k.kind));
    return invalid([{
      code: "FL0109", path: ["kind"], title: `\`${group}\` has no kind \`${kind}\``,
      ...(guess !== undefined && { label: `did you mean \`${guess}\`?` }),
    }]);
  }
  return { kind: "stranger" };
}
