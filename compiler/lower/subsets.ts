// The endpoints of a DestinationRule's subset: those of the whole whose labels the subset names.

import type { PlacedSubset } from "../policy/rules.ts";
import { describe, didYouMean, label } from "../resolve/report.ts";
import type { BackendTarget, SubsetRef } from "../resolve/resolved.ts";
import { subsetAnnotation } from "../resolve/hosts.ts";
import type { FoundPolicy } from "../policy.ts";
import { supplyOf, type Sources, type Supply } from "./endpoints.ts";
import { hostOf } from "./targets.ts";
import { selects } from "./workloads.ts";

const annotationPath = ["metadata", "annotations", subsetAnnotation];

/** A subset that no rule in force has: Istio has no such cluster. */
export function reportUnknown(
  target: BackendTarget, { name, via }: SubsetRef, { subsets, rules }: FoundPolicy,
  { report }: Pick<Sources, "report">,
): void {
  const hint = didYouMean(name, subsets.keys());
  const [rule] = rules;
  const path = rule?.spec.subsets ? ["spec", "subsets"] : ["spec", "host"];
  report.say(via, annotationPath, {
    code: "FL0608", title: `no DestinationRule has a subset \`${name}\` of \`${hostOf(target)}\``,
    ...(hint ? { label: hint } : {}),
    ...(rule ? { secondary: [label(rule, path, `the rule of this host: ${describe(rule)}`)] } : {}),
    effect: "requests for it get 500",
  });
}

function reportEmpty(
  { via }: SubsetRef, { subset, rule, index }: PlacedSubset, why: string, { report }: Sources,
): Supply {
  const wanted = Object.entries(subset.labels ?? {}).map(([k, v]) => `${k}=${v}`).join(",");
  report.say(rule, ["spec", "subsets", index, "labels"], {
    code: "FL0609", title: `subset \`${subset.name}\` selects no endpoint: ${why}`,
    label: `\`${wanted}\``,
    secondary: [label(via, annotationPath, "asked for here")],
    effect: "requests for it get 503 (Istio may know of more endpoints)",
  });
  return { kind: "static", workloads: [] };
}

/** The Service that stands for the subset may have endpoints of its own, chosen by Kubernetes. */
function ownSupply({ via }: SubsetRef, port: number, sources: Sources): Supply | undefined {
  const own = (via.spec.ports ?? []).find((p) => p.port === port);
  if (!own) return undefined;
  const supply = supplyOf({ kind: "service", service: via, port: own }, sources);
  const has = supply.kind === "static" ? supply.workloads.length > 0
    : Object.keys(via.spec.selector ?? {}).length > 0;
  return has ? supply : undefined;
}

/** Absent labels are unknown ones. Where none is known at all, nobody can be chosen by them. */
export function subsetSupply(
  target: BackendTarget, ref: SubsetRef, chosen: PlacedSubset, sources: Sources,
): Supply {
  const whole = supplyOf(target, sources);
  const { labels = {} } = chosen.subset;
  if (Object.keys(labels).length === 0) return whole;
  if (whole.kind === "static" && whole.workloads.some((w) => w.labels !== undefined)) {
    const workloads = whole.workloads.filter((w) => selects(labels, w.labels ?? {}));
    return workloads.length > 0 ? { kind: "static", workloads }
      : reportEmpty(ref, chosen, "none has these labels", sources);
  }
  return ownSupply(ref, target.port.port, sources) ?? reportEmpty(ref, chosen,
    "the labels of its endpoints are not in the input", sources);
}
