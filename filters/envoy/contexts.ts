// Which gateway port a stream came in on. A plugin's configuration is the gateway port's name; its
// root context remembers the index, and each stream finds it by its root. Both memories are of
// fixed size and may forget: then the plugin's root id, which is the same name, is asked for.

import {
  GATEWAY_PORT_NAME_LEN, GATEWAY_PORT_NAME_OFF, GATEWAY_PORT_SIZE, NONE, SECTION_GATEWAY_PORTS,
} from "../core/format";
import { equal } from "../core/memory";
import { count, section, text } from "../core/table";
import { getProperty, RESULT_OK, returned, returnedLen, returnedPtr } from "./abi";
import { ROOT_ID, ROOT_ID_LEN } from "./text";

const ROOTS_MAX: u32 = 64;
const STREAMS_MAX: u32 = 4096;
// Entries of (context id, gateway port); context ids start at 1.
const roots: usize = memory.data(512, 8);
const streams: usize = memory.data(32768, 8);

// @ts-ignore: decorator
@inline
function entry(ring: usize, context: u32, size: u32): usize {
  return ring + ((context & (size - 1)) << 3);
}

function remember(ring: usize, context: u32, size: u32, gatewayPort: u32): void {
  const at = entry(ring, context, size);
  store<u32>(at, context);
  store<u32>(at, gatewayPort, 4);
}

function recall(ring: usize, context: u32, size: u32): u32 {
  const at = entry(ring, context, size);
  return load<u32>(at) == context ? load<u32>(at, 4) : NONE;
}

/** GATEWAY_PORTS index of a name, or NONE. */
function byName(ptr: usize, len: u32): u32 {
  const ports = count(SECTION_GATEWAY_PORTS);
  for (let i: u32 = 0; i < ports; i++) {
    const at = section(SECTION_GATEWAY_PORTS) + i * GATEWAY_PORT_SIZE;
    if (load<u32>(at, GATEWAY_PORT_NAME_LEN) != len) continue;
    if (equal(text(load<u32>(at, GATEWAY_PORT_NAME_OFF)), ptr, len)) return i;
  }
  return NONE;
}

/** The gateway port that the plugin's root id names, or NONE. */
function byRootId(): u32 {
  const result = getProperty(ROOT_ID, ROOT_ID_LEN, returned, returned + 4);
  return result == RESULT_OK ? byName(returnedPtr(), returnedLen()) : NONE;
}

/**
 * Takes a plugin's configuration; false where the table has no such gateway port. Without one
 * (Istio makes JSON of its own of it) the only gateway port is meant, or the root id names it.
 */
export function configureRoot(root: u32, ptr: usize, len: u32): bool {
  const only = len == 0 && count(SECTION_GATEWAY_PORTS) == 1;
  const gatewayPort: u32 = only ? 0 : len == 0 ? byRootId() : byName(ptr, len);
  if (gatewayPort == NONE) return false;
  remember(roots, root, ROOTS_MAX, gatewayPort);
  return true;
}

export function openStream(stream: u32, root: u32): void {
  const gatewayPort = recall(roots, root, ROOTS_MAX);
  if (gatewayPort != NONE) remember(streams, stream, STREAMS_MAX, gatewayPort);
}

/** The stream's gateway port, or NONE where nothing tells. */
export function gatewayPortOf(stream: u32): u32 {
  if (count(SECTION_GATEWAY_PORTS) == 1) return 0;
  const gatewayPort = recall(streams, stream, STREAMS_MAX);
  return gatewayPort != NONE ? gatewayPort : byRootId();
}
