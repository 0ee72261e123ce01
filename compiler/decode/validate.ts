// One document against the schemas of its metadata and its kind.

import type { Manifest, ValuePath } from "../manifest.ts";
import { metadataSchemas } from "../schema/core/metadata.ts";
import { fill } from "../schema/fill.ts";
import { nearest } from "../schema/nearest.ts";
import { structureProblems } from "../schema/problems.ts";
import { isFields, type Fields, type JsonSchema, type Problem } from "../schema/schema.ts";
import { structureErrors } from "../schema/structure.ts";
import { ruleProblems } from "../schema/walk.ts";
import type { Identity } from "./identify.ts";

export interface Validated {
  readonly problems: readonly Problem[];
  /** With defaults. Only to be used where there are no problems. */
  readonly spec: unknown;
}

const documentFields = ["apiVersion", "kind", "metadata"];

export function validate(manifest: Manifest, identity: Identity): Validated {
  const value: Fields = isFields(manifest.value) ? manifest.value : {};
  const { kind, schema } = identity;
  const metadataSchema = metadataSchemas[kind.nameForm];
  const metadata = check(value.metadata, metadataSchema, ["metadata"]);
  if (kind.part === "fields") {
    const rest = Object.fromEntries(
      Object.entries(value).filter(([k]) => !documentFields.includes(k)),
    );
    const checked = check(rest, schema, []);
    return { problems: [...metadata.problems, ...checked.problems], spec: checked.filled };
  }
  const strays = unknownFields(value, kind.hasStatus);
  const { spec } = value;
  if (spec === undefined || spec === null) {
    const missing: Problem = {
      code: "FL0105", path: ["kind"], about: ["spec"], title: "`spec` is missing",
    };
    const problems = [...metadata.problems, ...strays, ...(kind.specRequired ? [missing] : [])];
    return { problems, spec: fill({}, schema) };
  }
  const checked = check(spec, schema, ["spec"]);
  return { problems: [...metadata.problems, ...strays, ...checked.problems], spec: checked.filled };
}

function check(
  value: unknown, schema: JsonSchema, root: ValuePath,
): { readonly problems: readonly Problem[]; readonly filled: unknown } {
  const filled = fill(value, schema);
  const errors = structureErrors(filled, schema);
  const structural = errors ? structureProblems(errors, root) : [];
  // An unknown field does not keep the rules from being asked: they do not look at it.
  const damaged = structural.filter((p) => p.code !== "FL0103").map((p) => p.path);
  const rules = ruleProblems(filled, schema, root, damaged);
  return { problems: [...structural, ...rules], filled };
}

function unknownFields(value: Fields, hasStatus: boolean): readonly Problem[] {
  const known = [...documentFields, "spec", ...(hasStatus ? ["status"] : [])];
  return Object.keys(value).filter((k) => !known.includes(k)).map((field): Problem => {
    const guess = nearest(field, known);
    return {
      code: "FL0103", path: [field], part: "key", title: `unknown field \`${field}\``,
      ...(guess !== undefined && { label: `did you mean \`${guess}\`?` }),
    };
  });
}
