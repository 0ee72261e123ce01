// Envoy Gateway's EnvoyProxy, as far as we look at it: where in the chain its filters stand. The
// rest configures a deployment, which we do not make.

import { text } from "./core/shape.ts";
import type { JsonSchema } from "./schema.ts";

const open = { type: "object", "x-kubernetes-preserve-unknown-fields": true } as const;

export const envoyProxySpec: JsonSchema = {
  ...open,
  properties: {
    filterOrder: {
      type: "array",
      items: { ...open, properties: { name: text, before: text, after: text }, required: ["name"] },
    },
  },
};
