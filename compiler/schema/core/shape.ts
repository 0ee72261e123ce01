// Short forms for writing the schemas of Kubernetes' own kinds, which are not published as custom
// resource definitions.

import type { CelRule, JsonSchema } from "../schema.ts";

export const text: JsonSchema = { type: "string" };
export const flag: JsonSchema = { type: "boolean" };
export const integer: JsonSchema = { type: "integer" };
export const anything: JsonSchema = { "x-kubernetes-preserve-unknown-fields": true };

/** The name of an object, as most kinds have it (RFC 1123). */
export const subdomainPattern =
  "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
export const labelPattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

export const port: JsonSchema = { type: "integer", minimum: 1, maximum: 65535 };
export const count: JsonSchema = { type: "integer", minimum: 0 };
export const intOrString: JsonSchema = { "x-kubernetes-int-or-string": true };

export function oneOfValues(...values: readonly string[]): JsonSchema {
  return { type: "string", enum: values };
}

export function withDefault(schema: JsonSchema, value: unknown): JsonSchema {
  return { ...schema, default: value };
}

export function list(items: JsonSchema): JsonSchema {
  return { type: "array", items };
}

export function mapOf(values: JsonSchema): JsonSchema {
  return { type: "object", additionalProperties: values };
}

export function fields(
  properties: Readonly<Record<string, JsonSchema>>, required: readonly string[] = [],
  rules: readonly CelRule[] = [],
): JsonSchema {
  return {
    type: "object", properties,
    ...(required.length > 0 && { required }),
    ...(rules.length > 0 && { "x-kubernetes-validations": rules }),
  };
}
