// The worker that a user deploys. Beside it stand the core, the table and the configuration that
// `fairlead build` wrote.

import core from "./core.wasm";
import routes from "./routes.bin";
// @ts-ignore: written by `fairlead build`.
import { config as written } from "./config.js";

import { choosePort, type EdgeConfig } from "./config.ts";
import { createEngine, type Engine } from "./engine.ts";
import { serve, type Context } from "./serve.ts";
import { openSharing, type Namespace, type Sharing } from "./shared/client.ts";

export { SharedHealth } from "./shared/object.ts";

interface Environment {
  /** `namespace/name` of the Gateway this worker stands for. */
  readonly FAIRLEAD_GATEWAY?: string;
  /** Where isolates share ejections and limits, if they are to: objects of SharedHealth. */
  readonly FAIRLEAD_SHARED?: Namespace;
}

const config = written as EdgeConfig;
const engine = start();
let sharing: Sharing | undefined;

function start(): Engine {
  const result = createEngine(core, new Uint8Array(routes), config, clientOf);
  if (!result.ok) throw new Error(`routes.bin is refused: load code ${result.code}`);
  return result.engine;
}

/** The platform says it, whatever a client sends. */
function clientOf(request: Request): string | undefined {
  return request.headers.get("cf-connecting-ip") ?? undefined;
}

function answer(
  request: Request,
  environment: Environment,
  context: Context,
): Response | Promise<Response> {
  const port = choosePort(config, environment.FAIRLEAD_GATEWAY, request);
  if (port < 0) return new Response(null, { status: 404 });
  const { FAIRLEAD_SHARED: namespace } = environment;
  if (namespace === undefined) return serve(engine, port, request, context);
  sharing ??= openSharing({
    clusters: engine.clusters, namespace, warn: (text) => console.warn(text),
  });
  return follow(sharing, serve(engine, port, request, context), context);
}

/** Looks for what is due once the request has its place, and when it has its answer. */
async function follow(
  { sync }: Sharing, answered: Response | Promise<Response>, context: Context,
): Promise<Response> {
  sync(context);
  const response = await answered;
  sync(context);
  return response;
}

// The platform's modules are the one place where a default export is not a choice.
export default { fetch: answer };
