// Fills in a schema's defaults, as the API server does before it validates: nulls that a field
// cannot hold count as absent, and a default is filled in itself.

import { isFields, type Fields, type JsonSchema } from "./schema.ts";

interface FillPlan {
  readonly properties: ReadonlyMap<string, FillPlan>;
  readonly additional?: FillPlan;
  readonly items?: FillPlan;
  readonly defaults: readonly (readonly [string, unknown])[];
  /** What stands for null in a map. */
  readonly ofNull?: unknown;
  readonly emptyIsAbsent: boolean;
}

const plans = new WeakMap<JsonSchema, FillPlan>();

function planOf(schema: JsonSchema): FillPlan {
  const known = plans.get(schema);
  if (known) return known;
  const properties = new Map<string, FillPlan>();
  const defaults: [string, unknown][] = [];
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const plan = planOf(property);
    properties.set(name, plan);
    if (property.default !== undefined) defaults.push([name, fillWith(property.default, plan)]);
  }
  const { additionalProperties, items } = schema;
  const plan: FillPlan = {
    properties,
    defaults,
    emptyIsAbsent: schema.emptyIsAbsent === true,
    ...(schema.default !== undefined && { ofNull: schema.default }),
    ...(typeof additionalProperties === "object" && { additional: planOf(additionalProperties) }),
    ...(items && { items: planOf(items) }),
  };
  plans.set(schema, plan);
  return plan;
}

/** A copy of `value` with defaults; parts the schema does not know are kept as they are. */
export function fill(value: unknown, schema: JsonSchema): unknown {
  return fillWith(value, planOf(schema));
}

function fillWith(value: unknown, plan: FillPlan): unknown {
  if (Array.isArray(value)) {
    const { items } = plan;
    return items ? value.map((item: unknown) => fillWith(item, items)) : value;
  }
  if (!isFields(value)) return value;
  if (plan.properties.size === 0 && !plan.additional) return value;
  return fillFields(value, plan);
}

function fillFields(value: Fields, plan: FillPlan): Fields {
  const filled: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const inner = value[key];
    const next = plan.properties.get(key);
    if (next && (inner === null || (inner === "" && next.emptyIsAbsent))) continue;
    const below = next ?? plan.additional;
    if (inner === null && below && below.ofNull === undefined) continue;
    const result = below ? fillWith(inner ?? below.ofNull, below) : inner;
    if (key === "__proto__") {
      Object.defineProperty(filled, key, { value: result, enumerable: true, configurable: true });
    } else {
      filled[key] = result;
    }
  }
  for (const [name, fallback] of plan.defaults) {
    if (!Object.hasOwn(filled, name)) filled[name] = fallback;
  }
  return filled;
}
