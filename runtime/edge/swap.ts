// What the dev server's front and its worker say to each other.

import type { EdgeConfig } from "./config.ts";

/** Clients' own are removed by the front. */
export const devHeader = "x-fairlead-dev";
/** In place of a gateway port's name: the body is a new table. */
export const swapWord = "swap";

/** Likewise: the answer is the health events since the last time, as JSON. */
export const eventsWord = "events";
/** Likewise: the answer is a sight of each cluster, as JSON. */
export const sightsWord = "sights";

export interface Swap {
  readonly config: EdgeConfig;
  readonly table: Uint8Array;
}

/** u32 length of the configuration (little-endian), the configuration as JSON, the table. */
export function writeSwap({ config, table }: Swap): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(config));
  const bytes = new Uint8Array(4 + json.length + table.length);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 4);
  bytes.set(table, 4 + json.length);
  return bytes;
}

export function readSwap(bytes: Uint8Array): Swap {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 4 + view.getUint32(0, true);
  const config = JSON.parse(new TextDecoder().decode(bytes.subarray(4, end))) as EdgeConfig;
  return { config, table: bytes.subarray(end) };
}
