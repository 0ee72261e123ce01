// Which table and gateway port a stream is for. A plugin is a root context; what its configuration
// says is kept by root, and each stream finds its root. The memory of streams is of fixed size and
// may forget: then the plugin's root id, which is the gateway port's name, is asked for.

import {
  GATEWAY_PORT_NAME_LEN, GATEWAY_PORT_NAME_OFF, GATEWAY_PORT_SIZE, NONE, SECTION_GATEWAY_PORTS,
} from "../core/format";
import { equal } from "../core/memory";
import { count, section, text } from "../core/table";
import { getProperty, RESULT_OK, returned, returnedLen, returnedPtr } from "./abi";
import { hold, release, use } from "./tables";
import { ROOT_ID, ROOT_ID_LEN } from "./text";

const PLUGINS_MAX: u32 = 1024;
const STREAMS_MAX: u32 = 4096;
/** A place whose plugin has ended: searching goes on past it. */
const ENDED: u32 = 0xffffffff;

// Open addressing by root context; contexts are counted from 1.
const PLUGIN_ROOT: u32 = 0;
const PLUGIN_TABLE: u32 = 4;
const PLUGIN_PORT: u32 = 8;
/** 1: a client may ask which table is served. */
const PLUGIN_REPORTS: u32 = 12;
const PLUGIN_SHIFT: u32 = 4;
const plugins: usize = memory.data(16384, 8);
/** (stream, root) */
const streams: usize = memory.data(32768, 8);

let pluginCount: u32 = 0;
/** The one plugin, where there is only one: then nothing has to be looked up. */
let only: usize = 0;

/** A plugin's record, 0 where there is none. */
function find(root: u32): usize {
  for (let i: u32 = 0; i < PLUGINS_MAX; i++) {
    const at = plugins + (((root + i) & (PLUGINS_MAX - 1)) << PLUGIN_SHIFT);
    const there = load<u32>(at, PLUGIN_ROOT);
    if (there == root) return at;
    if (there == 0) return 0;
  }
  return 0;
}

function place(root: u32): usize {
  for (let i: u32 = 0; i < PLUGINS_MAX; i++) {
    const at = plugins + (((root + i) & (PLUGINS_MAX - 1)) << PLUGIN_SHIFT);
    const there = load<u32>(at, PLUGIN_ROOT);
    if (there == 0 || there == ENDED) return at;
  }
  return 0;
}

/** The plugin of a gateway port that was configured last; contexts' numbers rise. */
function byName(ptr: usize, len: u32): usize {
  let found: usize = 0;
  for (let i: u32 = 0; i < PLUGINS_MAX; i++) {
    const at = plugins + (i << PLUGIN_SHIFT);
    const root = load<u32>(at, PLUGIN_ROOT);
    if (root == 0 || root == ENDED || (found && root < load<u32>(found, PLUGIN_ROOT))) continue;
    use(load<u32>(at, PLUGIN_TABLE));
    if (isNamed(load<u32>(at, PLUGIN_PORT), ptr, len)) found = at;
  }
  return found;
}

function isNamed(gatewayPort: u32, ptr: usize, len: u32): bool {
  const at = section(SECTION_GATEWAY_PORTS) + gatewayPort * GATEWAY_PORT_SIZE;
  if (load<u32>(at, GATEWAY_PORT_NAME_LEN) != len) return false;
  return equal(text(load<u32>(at, GATEWAY_PORT_NAME_OFF)), ptr, len);
}

/** GATEWAY_PORTS index of a name in the table in use, or NONE. */
export function gatewayPortNamed(ptr: usize, len: u32): u32 {
  const ports = count(SECTION_GATEWAY_PORTS);
  for (let i: u32 = 0; i < ports; i++) if (isNamed(i, ptr, len)) return i;
  return NONE;
}

/** Leaves the plugin's root id in `returned`; false where Envoy does not tell. */
export function askRootId(): bool {
  return getProperty(ROOT_ID, ROOT_ID_LEN, returned, returned + 4) == RESULT_OK;
}

/** False: too many plugins for one VM. */
export function addPlugin(root: u32, table: u32, gatewayPort: u32, reports: bool): bool {
  endPlugin(root);
  const at = place(root);
  if (at == 0) return false;
  hold(table);
  store<u32>(at, root, PLUGIN_ROOT);
  store<u32>(at, table, PLUGIN_TABLE);
  store<u32>(at, gatewayPort, PLUGIN_PORT);
  store<u32>(at, reports ? 1 : 0, PLUGIN_REPORTS);
  pluginCount += 1;
  only = pluginCount == 1 ? at : 0;
  return true;
}

function endPlugin(root: u32): void {
  const at = find(root);
  if (at == 0) return;
  release(load<u32>(at, PLUGIN_TABLE));
  store<u32>(at, ENDED, PLUGIN_ROOT);
  pluginCount -= 1;
  only = 0;
  if (pluginCount != 1) return;
  for (let i: u32 = 0; i < PLUGINS_MAX; i++) {
    const left = load<u32>(plugins + (i << PLUGIN_SHIFT), PLUGIN_ROOT);
    if (left != 0 && left != ENDED) only = plugins + (i << PLUGIN_SHIFT);
  }
}

/** Ends the plugins that served a gateway port of the table in use before this one. */
export function endNamesakes(gatewayPort: u32): void {
  const record = section(SECTION_GATEWAY_PORTS) + gatewayPort * GATEWAY_PORT_SIZE;
  const ptr = text(load<u32>(record, GATEWAY_PORT_NAME_OFF));
  const len = load<u32>(record, GATEWAY_PORT_NAME_LEN);
  for (let before = byName(ptr, len); before; before = byName(ptr, len)) {
    endPlugin(load<u32>(before, PLUGIN_ROOT));
  }
}

// @ts-ignore: decorator
@inline
function streamAt(stream: u32): usize {
  return streams + ((stream & (STREAMS_MAX - 1)) << 3);
}

export function openStream(stream: u32, root: u32): void {
  store<u32>(streamAt(stream), stream);
  store<u32>(streamAt(stream), root, 4);
}

/** Of a stream or of a plugin. */
export function endContext(context: u32): void {
  if (load<u32>(streamAt(context)) == context) store<u32>(streamAt(context), 0);
  else endPlugin(context);
}

let current: usize = 0;

/** Takes the stream's table into use; its gateway port, or NONE where nothing tells. */
export function enter(stream: u32): u32 {
  current = only;
  if (current == 0) {
    const at = streamAt(stream);
    if (load<u32>(at) == stream) current = find(load<u32>(at, 4));
    if (current == 0 && askRootId()) current = byName(returnedPtr(), returnedLen());
    if (current == 0) return NONE;
  }
  use(load<u32>(current, PLUGIN_TABLE));
  return load<u32>(current, PLUGIN_PORT);
}

/** Of the stream entered last: its table, and whether a client may ask for it. */
export function tableOfStream(): u32 {
  return load<u32>(current, PLUGIN_TABLE);
}

export function mayReport(): bool {
  return load<u32>(current, PLUGIN_REPORTS) != 0;
}
