// The contract: every scenario.

import { corsScenarios } from "./scenarios/cors.ts";
import { expressions } from "./scenarios/expressions.ts";
import { grpcScenarios } from "./scenarios/grpc.ts";
import { headerEdits } from "./scenarios/header-edits.ts";
import { hostnames } from "./scenarios/hostnames.ts";
import { invalidBackends } from "./scenarios/invalid-backends.ts";
import { listeners } from "./scenarios/listeners.ts";
import { methodsHeaders } from "./scenarios/methods-headers.ts";
import { mirrors } from "./scenarios/mirrors.ts";
import { normalisation } from "./scenarios/normalisation.ts";
import { paths } from "./scenarios/paths.ts";
import { precedence } from "./scenarios/precedence.ts";
import { queries } from "./scenarios/queries.ts";
import { redirects } from "./scenarios/redirects.ts";
import { responses } from "./scenarios/responses.ts";
import { rewrites } from "./scenarios/rewrites.ts";
import type { Scenario } from "./scenario.ts";
import { sessions } from "./scenarios/sessions.ts";
import { timeoutsRetries } from "./scenarios/timeouts-retries.ts";
import { tls } from "./scenarios/tls.ts";
import { weights } from "./scenarios/weights.ts";

export const scenarios: readonly Scenario[] = [
  ...hostnames, ...listeners, ...paths, ...precedence, ...methodsHeaders, ...queries,
  ...expressions, ...weights, ...headerEdits, ...responses, ...redirects, ...rewrites, ...mirrors,
  ...corsScenarios, ...timeoutsRetries, ...sessions, ...invalidBackends, ...normalisation, ...tls,
  ...grpcScenarios,
];
