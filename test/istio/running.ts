// A scenario's backends, filter and gateway as processes, for as long as its laws are asked.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startEnvoy } from "../../runtime/envoy/process.ts";
import { startBackend } from "../envoy/world.ts";
import type { Running } from "./laws.ts";
import { bootstrapOf, type Place, type Recorded } from "./recorded.ts";
import type { Scenario } from "./scenarios.ts";

export interface Stage extends Running {
  close(): Promise<void>;
}

export interface StageOptions extends Pick<Place, "pair"> {
  readonly filterWasm?: Uint8Array;
}

/** A gateway with the recorded configuration. */
export async function startRecorded(
  { backends: names }: Scenario, what: Recorded, { filterWasm, pair }: StageOptions,
): Promise<Stage> {
  const backends = await Promise.all(names.map((name) => startBackend(name)));
  const folder = await mkdtemp(join(tmpdir(), "fairlead-istio-"));
  const filterPath = join(folder, "filter.wasm");
  if (filterWasm) await writeFile(filterPath, filterWasm);
  const config = bootstrapOf(what, {
    ...(filterWasm && { filterPath }), ...(pair && { pair }),
    backends: new Map(backends.map(({ name, address }) => [name, address])),
  });
  const closeOthers = async (): Promise<void> => {
    await Promise.all(backends.map((backend) => backend.close()));
    await rm(folder, { recursive: true, force: true });
  };
  const envoy = await startEnvoy({ config }).catch(async (error: unknown) => {
    await closeOthers();
    throw error;
  });
  const [address = ""] = [...(await envoy.admin.listeners()).values()];
  return {
    address,
    backend: (wanted) => backends.find(({ name }) => name === wanted)!,
    close: async () => {
      await envoy.stop();
      await closeOthers();
    },
  };
}
