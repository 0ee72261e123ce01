// The worker that a user deploys. Beside it stand the core, the table and the configuration that
// `fairlead build` wrote.

import core from "./core.wasm";
import routes from "./routes.bin";
// @ts-ignore: written by `fairlead build`.
import { config as written } from "./config.js";

import { choosePort, type EdgeConfig } from "./config.ts";
import { createEngine, type Engine } from "./engine.ts";
import { serve, type Context } from "./serve.ts";

interface Environment {
  /** `namespace/name` of the Gateway this worker stands for. */
  readonly FAIRLEAD_GATEWAY?: string;
}

const config = written as EdgeConfig;
const engine = start();

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
  const port = choosePort(config, environment.FAIRLEAD_GATEWAY, request.url);
  if (port < 0) return new Response(null, { status: 404 });
  return serve(engine, port, request, context);
}

// The platform's modules are the one place where a default export is not a choice.
export default { fetch: answer };
