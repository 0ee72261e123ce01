// The contract, put to the reference matcher.

import { problemsWith, eachScenario } from "./run.ts";
import { askReference } from "./reference.ts";
import { scenarios } from "./table.ts";
import { compileAll, noPorts } from "./world.ts";

const compilation = compileAll(scenarios, noPorts);

eachScenario("reference", scenarios, (scenario) => problemsWith(
  scenario, (s, request) => askReference(compilation, s, request),
  { location: false, traffic: false },
));
