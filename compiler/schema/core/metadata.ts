// `metadata`, which every kind has. The API server checks it by code, not by a published schema.

import type { JsonSchema } from "../schema.ts";
import {
  anything, fields, flag, integer, labelPattern, list, mapOfText, qualifiedPattern,
  subdomainPattern, text,
} from "./shape.ts";

export type NameForm = "subdomain" | "label" | "service";

const nameForms: Readonly<Record<NameForm, JsonSchema>> = {
  subdomain: { type: "string", minLength: 1, maxLength: 253, pattern: subdomainPattern },
  label: { type: "string", minLength: 1, maxLength: 63, pattern: labelPattern },
  // A Service's name is a DNS label that starts with a letter.
  service: { type: "string", minLength: 1, maxLength: 63, pattern: "^[a-z]([-a-z0-9]*[a-z0-9])?$" },
};

const qualifiedKeys = `self.all(key, key.matches(${JSON.stringify(qualifiedPattern)}))`;
const shortDomains =
  'self.all(key, !key.contains("/") || key.split("/")[0].size() <= 253)';

export const labels: JsonSchema = {
  ...mapOfText({ maxLength: 63, pattern: "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$" }),
  "x-kubernetes-validations": [
    {
      rule: qualifiedKeys, title: "a label's key is not a name such as `app` or `example.com/app`",
    },
    { rule: shortDomains, title: "the domain of a label's key is longer than 253 characters" },
  ],
};

const loweredKeys = qualifiedKeys.replace("key.matches", "key.lowerAscii().matches");

const annotations: JsonSchema = {
  ...mapOfText(),
  "x-kubernetes-validations": [
    {
      rule: loweredKeys,
      title: "an annotation's key is not a name such as `app` or `example.com/app`",
    },
    {
      rule: shortDomains, title: "the domain of an annotation's key is longer than 253 characters",
    },
  ],
};

const filled: JsonSchema = { type: "string", minLength: 1 };

const ownerReference = fields(
  {
    apiVersion: filled, kind: filled, name: filled, uid: filled, controller: flag,
    blockOwnerDeletion: flag,
  },
  ["apiVersion", "kind", "name", "uid"],
);

/** RFC 3339, where the format alone would take a blank for the `T`. */
const time: JsonSchema = {
  type: "string", format: "date-time", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[^ tz]*$",
};

/** What a server makes a name from. */
const prefix: JsonSchema = {
  type: "string", pattern: `^$|${subdomainPattern.replace("$", "-*$")}`,
};

function metadataWith(name: JsonSchema): JsonSchema {
  return fields({
    name,
    namespace: { type: "string", maxLength: 63, pattern: `^$|${labelPattern}` },
    labels, annotations,
    generateName: prefix, uid: text, resourceVersion: text, generation: integer, selfLink: text,
    creationTimestamp: time,
    deletionTimestamp: time,
    deletionGracePeriodSeconds: integer,
    finalizers: list({ type: "string", pattern: qualifiedPattern }),
    ownerReferences: {
      ...list(ownerReference),
      "x-kubernetes-validations": [{
        rule: "self.filter(o, has(o.controller) && o.controller).size() <= 1",
        title: "two owners are said to be the controller",
      }],
    },
    managedFields: list(anything),
  }, ["name"]);
}

export const metadataSchemas: Readonly<Record<NameForm, JsonSchema>> = {
  subdomain: metadataWith(nameForms.subdomain),
  label: metadataWith(nameForms.label),
  service: metadataWith(nameForms.service),
};
