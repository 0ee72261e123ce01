// What is said about DestinationRules as wholes: those that no cluster follows, and those that
// say again what another has said before.

import { namesOf, type Names } from "../resolve/nearest.ts";
import { describe, didYouMean, label, type Report } from "../resolve/report.ts";
import type { Inventory } from "../resources.ts";
import {
  fullHost, hostMatches, isWildcard, rootNamespace, serviceHostOf, type DestinationRule,
} from "./hosts.ts";
import type { MergedRule } from "./rules.ts";

/** A host, and the rules that count for it, for one Gateway or another. */
export interface Use {
  readonly host: string;
  readonly merged: readonly MergedRule[];
}

/** Services whose document is wrong: their own diagnostic is the cause. */
function brokenHosts({ broken }: Inventory): readonly string[] {
  return [...broken].flatMap((text) => {
    const [kind, namespace = "", name = ""] = text.split("/");
    return kind === "Service" ? [serviceHostOf({ namespace, name })] : [];
  });
}

function matchesAny(host: string, hosts: ReadonlySet<string>): boolean {
  return isWildcard(host) ? [...hosts].some((h) => hostMatches(host, h)) : hosts.has(host);
}

function reportUseless(
  rule: DestinationRule, hosts: ReadonlySet<string>, names: Names, broken: ReadonlySet<string>,
  report: Report,
): void {
  const host = fullHost(rule);
  if (matchesAny(host, hosts)) {
    report.say(rule, ["spec", "host"], {
      code: "FL0601", title: `${describe(rule)} takes no part for host \`${rule.spec.host}\``,
      effect: "the rule changes nothing",
      help: "Istio looks for rules in the Gateway's namespace, then the Service's, then "
        + `\`${rootNamespace}\`, as far as \`exportTo\` and \`workloadSelector\` let the Gateway`
        + " see them, and takes the most specific host",
    });
  } else if (!matchesAny(host, broken)) {
    const hint = didYouMean(host, names);
    const full = rule.spec.host === host ? "" : ` (\`${host}\`)`;
    report.say(rule, ["spec", "host"], {
      code: "FL0601", title: `no Service or ServiceEntry has the host \`${rule.spec.host}\`${full}`,
      ...(hint ? { label: hint } : {}), effect: "the rule changes nothing",
    });
  }
}

/** Two rules for one host, both with a policy: only one of them can count. */
function reportPolicies({ rules }: MergedRule, report: Report): void {
  const [winner, ...losers] = rules.filter((r) => r.spec.trafficPolicy !== undefined);
  for (const loser of losers) {
    if (!winner) return;
    report.say(loser, ["spec", "trafficPolicy"], {
      code: "FL0602", title: `${describe(winner)} already sets the policy of this host`,
      label: "this policy is ignored",
      secondary: [label(winner, ["spec", "trafficPolicy"], "older, or first by name")],
    });
  }
}

function reportSubsets({ rules }: MergedRule, report: Report): void {
  const first = new Map<string, { readonly rule: DestinationRule; readonly index: number }>();
  for (const rule of rules) {
    (rule.spec.subsets ?? []).forEach(({ name }, index) => {
      const known = first.get(name);
      if (!known) {
        first.set(name, { rule, index });
        return;
      }
      const owner = known.rule === rule ? "the rule" : describe(known.rule);
      report.say(rule, ["spec", "subsets", index, "name"], {
        code: "FL0602", title: `${owner} already has a subset \`${name}\` of this host`,
        label: "this subset is ignored",
        secondary: [label(known.rule, ["spec", "subsets", known.index, "name"], "this one counts")],
      });
    });
  }
}

export function reportUse(inventory: Inventory, uses: readonly Use[], report: Report): void {
  const hosts = new Set(uses.map(({ host }) => host));
  const names = namesOf([...hosts]);
  const broken = new Set(brokenHosts(inventory));
  const groups = new Set(uses.flatMap(({ merged }) => merged));
  const inForce = new Set([...groups].flatMap(({ rules }) => rules));
  for (const rule of inventory.destinationRules) {
    if (!inForce.has(rule)) reportUseless(rule, hosts, names, broken, report);
  }
  for (const group of groups) {
    reportPolicies(group, report);
    reportSubsets(group, report);
  }
}
