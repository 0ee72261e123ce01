// The proxy-wasm filter: Envoy's callbacks around the core. Baking appends the table to this module
// and fills in the descriptor; from then on nothing is allocated and nothing is configured but
// which gateway port a plugin instance serves.

import { LOAD_OK, LOAD_TOO_SHORT, NONE } from "../core/format";
import { run, start } from "../core/match";
import { clearArena, take } from "../core/memory";
import { adopt } from "../core/table";
import { verify } from "../core/verify";
import {
  BUFFER_PLUGIN_CONFIGURATION, getBuffer, log, LOG_ERROR, RESULT_OK, returned, returnedLen,
  returnedPtr,
} from "./abi";
import { apply, refuse } from "./apply";
import { configureRoot, gatewayPortOf, openStream } from "./contexts";
import { provide } from "./request";

/**
 * "FAIRLEAD", then the address and the length of the table. Baking finds it by the magic; none of
 * its bytes is zero, because the optimiser drops zero bytes from data segments.
 */
const descriptor: usize = memory.data<u8>([
  0x46, 0x41, 0x49, 0x52, 0x4c, 0x45, 0x41, 0x44,
  0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5], 8);

/** "fairlead: table refused, code 00": the digits are filled in. */
const refusal: usize = memory.data<u8>([
  0x66, 0x61, 0x69, 0x72, 0x6c, 0x65, 0x61, 0x64, 0x3a, 0x20, 0x74, 0x61, 0x62, 0x6c, 0x65, 0x20,
  0x72, 0x65, 0x66, 0x75, 0x73, 0x65, 0x64, 0x2c, 0x20, 0x63, 0x6f, 0x64, 0x65, 0x20, 0x30, 0x30]);

/** "fairlead: no such gateway port: " goes before the configuration in the log. */
const unknownPort: usize = memory.data<u8>([
  0x66, 0x61, 0x69, 0x72, 0x6c, 0x65, 0x61, 0x64, 0x3a, 0x20, 0x6e, 0x6f, 0x20, 0x73, 0x75, 0x63,
  0x68, 0x20, 0x67, 0x61, 0x74, 0x65, 0x77, 0x61, 0x79, 0x20, 0x70, 0x6f, 0x72, 0x74, 0x3a, 0x20]);

export function proxy_abi_version_0_2_1(): void {}

/** Envoy asks for room for what its calls return; it lives until the next callback. */
export function malloc(len: u32): usize {
  return take(len);
}

export function proxy_on_vm_start(_root: u32, _configurationLen: u32): u32 {
  const table = <usize>load<u32>(descriptor, 8);
  const len = load<u32>(descriptor, 12);
  // A filter that nothing was baked into has no table there.
  const present = <u64>table + <u64>len <= (<u64>memory.size()) << 16;
  const result = present ? verify(table, len) : LOAD_TOO_SHORT;
  if (result == LOAD_OK) {
    adopt(table);
    return 1;
  }
  store<u8>(refusal, <u8>(0x30 + result / 10), 30);
  store<u8>(refusal, <u8>(0x30 + result % 10), 31);
  log(LOG_ERROR, refusal, 32);
  return 0;
}

export function proxy_on_configure(root: u32, len: u32): u32 {
  clearArena();
  if (len && getBuffer(BUFFER_PLUGIN_CONFIGURATION, 0, len, returned, returned + 4) != RESULT_OK) {
    return 0;
  }
  const ptr = returnedPtr();
  const size = len ? returnedLen() : 0;
  if (configureRoot(root, ptr, size)) return 1;
  const message = take(32 + size);
  if (message) {
    memory.copy(message, unknownPort, 32);
    memory.copy(message + 32, ptr, size);
    log(LOG_ERROR, message, 32 + size);
  }
  return 0;
}

export function proxy_on_context_create(context: u32, root: u32): void {
  if (root) openStream(context, root);
}

export function proxy_on_request_headers(context: u32, _headers: u32, _end: u32): u32 {
  clearArena();
  const gatewayPort = gatewayPortOf(context);
  if (gatewayPort == NONE) return refuse();
  start(gatewayPort);
  let result = run();
  while (result < 0) {
    if (!provide(<u32>(-result - 1))) return refuse();
    result = run();
  }
  return apply(result);
}
