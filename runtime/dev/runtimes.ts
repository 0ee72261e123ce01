// The runtimes by name. Each is loaded when it is asked for: miniflare need not be there for Envoy,
// nor Envoy for miniflare.

import type { Runtime } from "./contract.ts";

export const runtimeNames = ["edge", "envoy"] as const;
export type RuntimeName = (typeof runtimeNames)[number];

/** `warn` gets what the runtime has to say about failures of its own. */
export async function openRuntime(
  name: RuntimeName,
  warn: (text: string) => void,
): Promise<Runtime> {
  if (name === "envoy") {
    const { envoyRuntime } = await import("../envoy/dev.ts");
    return envoyRuntime({});
  }
  // workerd follows an error with its stack, which says nothing about the user's routes.
  const onLog = (text: string): void => {
    const line = text.split("\n").find((part) => part.trim() !== "");
    if (line !== undefined) warn(`worker: ${line.slice(0, 300)}`);
  };
  const [{ createEdgeRuntime }, { coreWasm, devWorkerJs }] = await Promise.all([
    import("./edge-runtime.ts"),
    import("../../compiler/prebuilt.ts"),
  ]);
  return createEdgeRuntime({ core: coreWasm(), worker: devWorkerJs(), onLog });
}
