// The Durable Object that keeps what isolates share of one cluster. It is named after the cluster.
// Ejections outlive it: they are stored when one begins or ends. Leases are gone with it, which
// their holders notice with their next exchange.

import { exchange, isOtherwiseOut, startShared, type Report, type SharedState } from "./state.ts";

/** The platform's DurableObjectState, as far as it is used here. */
interface ObjectContext {
  readonly storage: {
    get(key: string): Promise<unknown>;
    put(key: string, value: unknown): Promise<void>;
  };
  blockConcurrencyWhile(work: () => Promise<void>): Promise<void>;
}

const key = "state";

/** A class since the platform asks for one; wrangler.jsonc names it. */
export class SharedHealth {
  readonly #context: ObjectContext;
  #state: SharedState | undefined;

  constructor(context: ObjectContext) {
    this.#context = context;
    void context.blockConcurrencyWhile(async () => {
      this.#state = await context.storage.get(key) as SharedState | undefined;
    });
  }

  async fetch(request: Request): Promise<Response> {
    const report = await request.json() as Report;
    const now = Date.now();
    const before = this.#state ?? startShared(now);
    const { state, reply } = exchange(before, report, now);
    this.#state = state;
    if (isOtherwiseOut(before, state)) {
      await this.#context.storage.put(key, { ...state, leases: {} });
    }
    return Response.json(reply);
  }
}
