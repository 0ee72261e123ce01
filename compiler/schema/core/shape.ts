// Short forms for writing the schemas of Kubernetes' own kinds, which are not published as custom
// resource definitions.

import type { CelRule, JsonSchema } from "../schema.ts";

export const text: JsonSchema = { type: "string" };
export const flag: JsonSchema = { type: "boolean" };
export const integer: JsonSchema = { type: "integer" };
const int32Max = 2 ** 31 - 1;
export const anything: JsonSchema = { "x-kubernetes-preserve-unknown-fields": true };

/** The name of an object, as most kinds have it (RFC 1123). */
export const subdomainPattern =
  "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
export const labelPattern = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
const domain = "[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*";
const localName = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";
/** `app` or `example.com/app`. The length of the domain is left to `maxLength` or a rule. */
export const qualifiedPattern = `^(${domain}/)?${localName}$`;
export const finalizerPattern = `^kubernetes$|^${domain}/${localName}$`;
/** Base64, with line ends anywhere. */
export const base64Pattern = ((): string => {
  const digit = "[A-Za-z0-9+/][\\r\\n]*";
  const pad = "=[\\r\\n]*";
  return `^[\\r\\n]*(?:(?:${digit}){4})*(?:(?:${digit}){2}${pad}${pad}|(?:${digit}){3}${pad})?$`;
})();

export const port: JsonSchema = { type: "integer", minimum: 1, maximum: 65535 };
export const count: JsonSchema = { type: "integer", minimum: 0, maximum: int32Max };
export const int32: JsonSchema = { type: "integer", minimum: -int32Max - 1, maximum: int32Max };
export const intOrString: JsonSchema = { "x-kubernetes-int-or-string": true };

export function oneOfValues(...values: readonly string[]): JsonSchema {
  return { type: "string", enum: values };
}

/** As Kubernetes' own kinds take them: an empty text is none. */
export function oneOfValuesOrEmpty(...values: readonly string[]): JsonSchema {
  return { ...oneOfValues(...values), emptyIsAbsent: true };
}

/** A map of texts, in which null is an empty text. */
export function mapOfText(more: JsonSchema = {}): JsonSchema {
  return mapOf({ ...text, ...more, default: "" });
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

export const protocol = withDefault(oneOfValuesOrEmpty("TCP", "UDP", "SCTP"), "TCP");

/** What a port may be called. */
export const portName: JsonSchema = {
  type: "string", maxLength: 63, pattern: "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
};

export const appProtocol: JsonSchema = { type: "string", pattern: qualifiedPattern };

export const ipAddress: JsonSchema = {
  type: "string", anyOf: [{ format: "ipv4" }, { format: "ipv6" }],
};
