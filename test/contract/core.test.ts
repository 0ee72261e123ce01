// The contract, put to the wasm core.

import { eachScenario, problemsWith } from "./run.ts";
import { askCore, openCore } from "./core.ts";
import { scenarios as all } from "./table.ts";
import { compileAll, noPorts } from "./world.ts";

const compilation = compileAll(all, noPorts);
const scenarios = all.filter(({ seenBy }) => seenBy === undefined);
const core = openCore(compilation);

eachScenario("core", scenarios, (scenario) => problemsWith(
  scenario, (s, request) => askCore(core, compilation, s, request),
  { location: true, traffic: false },
));
