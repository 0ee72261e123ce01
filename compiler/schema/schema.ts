// The JSON schema dialect of custom resource definitions, as far as the published schemas use it,
// and the value that every check returns.

import type { Code } from "../codes.ts";
import type { ValuePath } from "../manifest.ts";

export interface CelRule {
  readonly rule: string;
  /** Our own wording, where we wrote the rule ourselves. */
  readonly title?: string;
  /** Where to point, from the value that the rule is on; also ours. */
  readonly at?: ValuePath;
}

export interface JsonSchema {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly required?: readonly string[];
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly nullable?: boolean;
  /** Kubernetes' own kinds do not tell an empty text from none. Our own keyword. */
  readonly emptyIsAbsent?: boolean;
  readonly format?: string;
  readonly pattern?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly oneOf?: readonly JsonSchema[];
  readonly anyOf?: readonly JsonSchema[];
  readonly allOf?: readonly JsonSchema[];
  readonly not?: JsonSchema;
  readonly "x-kubernetes-int-or-string"?: boolean;
  readonly "x-kubernetes-preserve-unknown-fields"?: boolean;
  readonly "x-kubernetes-list-type"?: string;
  readonly "x-kubernetes-list-map-keys"?: readonly string[];
  readonly "x-kubernetes-validations"?: readonly CelRule[];
}

/** Something wrong with a value, by its path from the document's root. */
export interface Problem {
  readonly code: Code;
  readonly path: ValuePath;
  /** The path to show, where it is not the place to point at: a field that is missing. */
  readonly about?: ValuePath;
  /** Point at the key where the value itself is not what is wrong, or too large to underline. */
  readonly part?: "key" | "value";
  readonly title: string;
  /** Said beside the underlined characters. */
  readonly label?: string;
  readonly help?: string;
}

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** How a diagnostic names the last step of a path. */
export function lastName(path: ValuePath): string {
  for (let i = path.length - 1; i >= 0; i--) {
    const step = path[i];
    if (typeof step === "string") return step;
  }
  return "the document";
}
