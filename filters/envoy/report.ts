// Says which table runs, and why one does not: in Envoy's log, and to a client where the plugin's
// configuration allows that.

import {
  GATEWAY_PORT_NAME_LEN, GATEWAY_PORT_NAME_OFF, GATEWAY_PORT_SIZE, SECTION_GATEWAY_PORTS,
} from "../core/format";
import { take } from "../core/memory";
import { section, text } from "../core/table";
import {
  ACTION_PAUSE, getHeader, LOG_ERROR, LOG_INFO, MAP_REQUEST_HEADERS, RESULT_OK, returned,
  sendLocalResponse,
} from "./abi";
import { refuse } from "./apply";
import { append, appendCode, appendHex, appendText, begin, say, sentence, sentenceLen }
  from "./say";
import { BAKED, checksumOf } from "./tables";
import { TABLE, TABLE_LEN, TABLE_REPORT, TABLE_REPORT_LEN } from "./text";

export function complain(message: string): void {
  begin();
  append("fairlead: ");
  append(message);
  say(LOG_ERROR);
}

export function complainOfPort(ptr: usize, len: u32): void {
  begin();
  append("fairlead: no such gateway port: ");
  appendText(ptr, len);
  say(LOG_ERROR);
}

/** `code` is one of LOAD_*. */
export function complainOfTable(isBaked: bool, code: u32): void {
  begin();
  append(isBaked ? "fairlead: table refused, code " : "fairlead: configured table refused, code ");
  appendCode(code);
  say(LOG_ERROR);
}

/** `baked 1a2b3c4d`, or `configuration 1a2b3c4d`: the source and the table's checksum. */
function appendTable(table: u32): void {
  append(table == BAKED ? "baked " : "configuration ");
  appendHex(checksumOf(table));
}

/** The table is in use. */
export function announce(table: u32, gatewayPort: u32): void {
  begin();
  append("fairlead: ");
  const at = section(SECTION_GATEWAY_PORTS) + gatewayPort * GATEWAY_PORT_SIZE;
  appendText(text(load<u32>(at, GATEWAY_PORT_NAME_OFF)), load<u32>(at, GATEWAY_PORT_NAME_LEN));
  append(" runs table ");
  appendTable(table);
  say(LOG_INFO);
}

/** Whether the request at hand asks which table is served. */
export function isAsked(): bool {
  return getHeader(MAP_REQUEST_HEADERS, TABLE, TABLE_LEN, returned, returned + 4) == RESULT_OK;
}

/** Answers it: 204, and the table in `x-fairlead-table`. */
export function answerTable(table: u32): u32 {
  begin();
  appendTable(table);
  const pairs = take(4 + 8 + TABLE_LEN + 1 + sentenceLen + 1);
  if (pairs == 0) return refuse();
  store<u32>(pairs, 1);
  store<u32>(pairs, TABLE_LEN, 4);
  store<u32>(pairs, sentenceLen, 8);
  memory.copy(pairs + 12, TABLE, TABLE_LEN);
  const value = pairs + 12 + TABLE_LEN + 1;
  store<u8>(value - 1, 0);
  memory.copy(value, sentence, sentenceLen);
  store<u8>(value + sentenceLen, 0);
  const size = <u32>(value + sentenceLen + 1 - pairs);
  sendLocalResponse(204, TABLE_REPORT, TABLE_REPORT_LEN, 0, 0, pairs, size, -1);
  return ACTION_PAUSE;
}
