// The scenarios as the table of docs/faults.md.

import { outcomeOf, type Outcome, type Scenario } from "./scenarios.ts";

export const begin = "<!-- the table: UPDATE=1 npx vitest run test/faults/table.test.ts -->";
export const end = "<!-- its end -->";

export function faultsTable(scenarios: readonly Scenario[]): string {
  const notes: string[] = [];
  const rows = scenarios.map((scenario) => {
    const envoy = outcomeOf(scenario, "envoy");
    const edge = outcomeOf(scenario, "edge");
    if (scenario.why !== undefined) notes.push(scenario.why);
    const mark = scenario.why === undefined ? "" : ` [${notes.length}]`;
    const counts = envoy.counts === edge.counts ? yes(envoy.counts)
      : `Envoy: ${yes(envoy.counts)}, edge: ${yes(edge.counts)}`;
    return `| ${scenario.fault}${mark} | ${cell(envoy, true)} | ${cell(edge, false)} | ${counts} |`;
  });
  return [
    "| the backend … | Envoy | edge | counts as a failure |", "|---|---|---|---|", ...rows,
    ...(notes.length > 0 ? [""] : []), ...notes.map((note, i) => `[${i + 1}] ${note}`),
  ].join("\n");
}

const yes = (is: boolean): string => (is ? "yes" : "no");

function cell({ status, flag, breaksOff }: Outcome, isEnvoy: boolean): string {
  const named = isEnvoy && flag !== undefined ? ` \`${flag}\`` : "";
  return `${status}${named}${breaksOff === true ? ", the connection breaks off" : ""}`;
}
