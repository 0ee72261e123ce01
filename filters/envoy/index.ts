// The proxy-wasm filter: Envoy's callbacks around the core. A table is baked in, or comes as the
// plugin's configuration, or both; then the configured one counts. Memory grows only where a table
// is configured that is larger than any before.

import { LOAD_OK, LOAD_TOO_SHORT, NONE, SECTION_GATEWAY_PORTS } from "../core/format";
import { run, start } from "../core/match";
import { clearArena, take } from "../core/memory";
import { count } from "../core/table";
import { verify } from "../core/verify";
import { returnedLen, returnedPtr } from "./abi";
import { apply, refuse } from "./apply";
import { CONFIGURATION_NOT_JSON, CONFIGURATION_OK, hasTable, portName, portNameLen,
  readConfiguration, reportsTable } from "./configuration";
import { addPlugin, askRootId, endContext, endNamesakes, enter, gatewayPortNamed, mayReport,
  openStream, tableOfStream } from "./contexts";
import { announce, answerTable, complain, complainOfPort, complainOfTable, isAsked }
  from "./report";
import { provide } from "./request";
import { BAKED, hasBaked, loaded, loadTable, setBaked, use } from "./tables";

/**
 * "FAIRLEAD", then the address and the length of the table. Baking finds it by the magic; none of
 * its bytes is zero, because the optimiser drops zero bytes from data segments.
 */
const descriptor: usize = memory.data<u8>([
  0x46, 0x41, 0x49, 0x52, 0x4c, 0x45, 0x41, 0x44,
  0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5, 0xa5], 8);
const UNBAKED: u32 = 0xa5a5a5a5;

export function proxy_abi_version_0_2_1(): void {}

/** Envoy asks for room for what its calls return; it lives until the next callback. */
export function malloc(len: u32): usize {
  return take(len);
}

/** Once for each plugin of the VM. */
export function proxy_on_vm_start(_root: u32, _configurationLen: u32): u32 {
  const table = <usize>load<u32>(descriptor, 8);
  const len = load<u32>(descriptor, 12);
  if (len == UNBAKED || hasBaked()) return 1;
  const present = <u64>table + <u64>len <= (<u64>memory.size()) << 16;
  const result = present ? verify(table, len) : LOAD_TOO_SHORT;
  if (result == LOAD_OK) {
    setBaked(table);
    return 1;
  }
  complainOfTable(true, result);
  return 0;
}

export function proxy_on_configure(root: u32, len: u32): u32 {
  clearArena();
  const status = readConfiguration(len);
  if (status != CONFIGURATION_OK) {
    complain(status == CONFIGURATION_NOT_JSON
      ? "the plugin's configuration is no JSON object that it could read"
      : "the plugin's configuration cannot be read");
    return 0;
  }
  if (hasTable()) {
    const result = loadTable();
    if (result != LOAD_OK) {
      complainOfTable(false, result);
      return 0;
    }
  } else if (!hasBaked()) {
    complain("no table: none is baked in, and the plugin's configuration has none");
    return 0;
  }
  return configured(root, hasTable() ? loaded : BAKED);
}

/** The gateway port is the one that is named, or the only one, or the one of the root id. */
function configured(root: u32, table: u32): u32 {
  use(table);
  let ptr = portName;
  let len = portNameLen;
  const only = len == 0 && count(SECTION_GATEWAY_PORTS) == 1;
  if (len == 0 && !only && askRootId()) {
    ptr = returnedPtr();
    len = returnedLen();
  }
  const gatewayPort: u32 = only ? 0 : gatewayPortNamed(ptr, len);
  if (gatewayPort == NONE) {
    complainOfPort(ptr, len);
    return 0;
  }
  // Baking takes the callback away that would tell the end of plugins.
  if (hasBaked()) endNamesakes(gatewayPort);
  use(table);
  if (!addPlugin(root, table, gatewayPort, reportsTable)) {
    complain("too many plugins in one VM");
    return 0;
  }
  announce(table, gatewayPort);
  return 1;
}

export function proxy_on_context_create(context: u32, root: u32): void {
  if (root) openStream(context, root);
}

export function proxy_on_delete(context: u32): void {
  endContext(context);
}

export function proxy_on_request_headers(context: u32, _headers: u32, _end: u32): u32 {
  clearArena();
  const gatewayPort = enter(context);
  if (gatewayPort == NONE) return refuse();
  if (mayReport() && isAsked()) return answerTable(tableOfStream());
  start(gatewayPort);
  let result = run();
  while (result < 0) {
    if (!provide(<u32>(-result - 1))) return refuse();
    result = run();
  }
  return apply(result);
}
