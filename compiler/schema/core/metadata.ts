// `metadata`, which every kind has. The API server checks it by code, not by a published schema.

import type { JsonSchema } from "../schema.ts";
import {
  anything, fields, flag, integer, labelPattern, list, mapOf, subdomainPattern, text,
} from "./shape.ts";

export type NameForm = "subdomain" | "label" | "service";

const nameForms: Readonly<Record<NameForm, JsonSchema>> = {
  subdomain: { type: "string", minLength: 1, maxLength: 253, pattern: subdomainPattern },
  label: { type: "string", minLength: 1, maxLength: 63, pattern: labelPattern },
  // A Service's name is a DNS label that starts with a letter.
  service: { type: "string", minLength: 1, maxLength: 63, pattern: "^[a-z]([-a-z0-9]*[a-z0-9])?$" },
};

const qualifiedKeys =
  'self.all(key, key.matches("^([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?/)?'
  + '[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"))';

const labels: JsonSchema = {
  ...mapOf({
    type: "string", maxLength: 63, pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
  }),
  "x-kubernetes-validations": [{
    rule: qualifiedKeys, title: "a label's key is not a name such as `app` or `example.com/app`",
  }],
};

const annotations: JsonSchema = {
  ...mapOf(text),
  "x-kubernetes-validations": [{
    rule: qualifiedKeys,
    title: "an annotation's key is not a name such as `app` or `example.com/app`",
  }],
};

const ownerReference = fields(
  {
    apiVersion: text, kind: text, name: text, uid: text, controller: flag,
    blockOwnerDeletion: flag,
  },
  ["apiVersion", "kind", "name", "uid"],
);

function metadataWith(name: JsonSchema): JsonSchema {
  return fields({
    name,
    namespace: { type: "string", maxLength: 63, pattern: `^$|${labelPattern}` },
    labels, annotations,
    generateName: text, uid: text, resourceVersion: text, generation: integer, selfLink: text,
    clusterName: text,
    creationTimestamp: { type: "string", format: "date-time" },
    deletionTimestamp: { type: "string", format: "date-time" },
    deletionGracePeriodSeconds: integer,
    finalizers: list(text),
    ownerReferences: list(ownerReference),
    managedFields: list(anything),
  }, ["name"]);
}

export const metadataSchemas: Readonly<Record<NameForm, JsonSchema>> = {
  subdomain: metadataWith(nameForms.subdomain),
  label: metadataWith(nameForms.label),
  service: metadataWith(nameForms.service),
};
