// The contract: every scenario.

import { headerEdits } from "./scenarios/header-edits.ts";
import { hostnames } from "./scenarios/hostnames.ts";
import { invalidBackends } from "./scenarios/invalid-backends.ts";
import { listeners } from "./scenarios/listeners.ts";
import { methodsHeaders } from "./scenarios/methods-headers.ts";
import { normalisation } from "./scenarios/normalisation.ts";
import { paths } from "./scenarios/paths.ts";
import { precedence } from "./scenarios/precedence.ts";
import { redirects } from "./scenarios/redirects.ts";
import type { Scenario } from "./scenario.ts";
import { weights } from "./scenarios/weights.ts";

export const scenarios: readonly Scenario[] = [
  ...hostnames, ...listeners, ...paths, ...precedence, ...methodsHeaders, ...weights,
  ...headerEdits, ...redirects, ...invalidBackends, ...normalisation,
];
