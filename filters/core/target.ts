// Request targets and Locations that a filter rewrites: RequestRedirect and URLRewrite.

import {
  ACTION_REPLACE, ACTION_REPLACE_LEN, ACTION_REPLACE_OFF, GATEWAY_PORT_PORT, GATEWAY_PORT_SIZE,
  GATEWAY_PORT_TLS, REDIRECT_HOST_LEN, REDIRECT_HOST_OFF, REDIRECT_PORT, REDIRECT_REPLACE,
  REDIRECT_REPLACE_LEN, REDIRECT_REPLACE_OFF, REDIRECT_SCHEME, REDIRECT_SCHEME_HTTPS,
  REDIRECT_SCHEME_SAME, REDIRECT_SIZE, REPLACE_NOTHING, REPLACE_PREFIX, SECTION_GATEWAY_PORTS,
  SECTION_REDIRECTS, SLOT_AUTHORITY, SLOT_PATH,
} from "./format";
import { hostLength } from "./host";
import { output, OUTPUT_LENGTH } from "./memory";
import { addressOf, lengthOf, present } from "./slots";
import { section, text } from "./table";

const SLASH: u8 = 0x2f;
const QUESTION: u8 = 0x3f;

let end: usize = 0;

function append(ptr: usize, len: u32): bool {
  if (len > OUTPUT_LENGTH - 16 || <u32>(end - output) > OUTPUT_LENGTH - 16 - len) return false;
  memory.copy(end, ptr, len);
  end += len;
  return true;
}

// @ts-ignore: decorator
@inline
function appendByte(byte: u8): void {
  store<u8>(end, byte);
  end += 1;
}

function appendPort(port: u32): void {
  appendByte(0x3a);
  let divisor: u32 = 10000;
  while (divisor > port && divisor > 1) divisor /= 10;
  for (; divisor > 0; divisor /= 10) appendByte(<u8>(0x30 + (port / divisor) % 10));
}

/**
 * Writes the Location of a redirect to `output`; its length, or 0 where the request is too long
 * for it. `matchedLength` is the length of the matched prefix without a trailing slash.
 */
export function location(redirect: u32, gatewayPort: u32, matchedLength: u32): u32 {
  const record = section(SECTION_REDIRECTS) + redirect * REDIRECT_SIZE;
  const listener = section(SECTION_GATEWAY_PORTS) + gatewayPort * GATEWAY_PORT_SIZE;
  const scheme = load<u32>(record, REDIRECT_SCHEME);
  const secure = scheme == REDIRECT_SCHEME_SAME
    ? load<u32>(listener, GATEWAY_PORT_TLS) != 0 : scheme == REDIRECT_SCHEME_HTTPS;
  end = output;
  store<u64>(end, 0x2f2f3a70747468); // "http://"
  if (secure) store<u64>(end, 0x2f2f3a7370747468); // "https://"
  end += secure ? 8 : 7;
  if (!appendHost(record)) return 0;
  // "If no port is specified, the redirect port MUST be derived": from the scheme where one is
  // given, else from the listener; the scheme's well-known port is left out of the Location.
  const wellKnown: u32 = secure ? 443 : 80;
  let port = load<u32>(record, REDIRECT_PORT);
  if (port == 0) {
    port = scheme == REDIRECT_SCHEME_SAME ? load<u32>(listener, GATEWAY_PORT_PORT) : wellKnown;
  }
  if (port != wellKnown) appendPort(port);
  const done = appendTarget(
    load<u32>(record, REDIRECT_REPLACE), load<u32>(record, REDIRECT_REPLACE_OFF),
    load<u32>(record, REDIRECT_REPLACE_LEN), matchedLength);
  return done ? <u32>(end - output) : 0;
}

/** Writes the rewritten request target of an action to `output`; its length, 0 if too long. */
export function rewrittenTarget(action: usize, matchedLength: u32): u32 {
  end = output;
  const done = appendTarget(
    load<u32>(action, ACTION_REPLACE), load<u32>(action, ACTION_REPLACE_OFF),
    load<u32>(action, ACTION_REPLACE_LEN), matchedLength);
  return done ? <u32>(end - output) : 0;
}

function appendHost(record: usize): bool {
  const len = load<u32>(record, REDIRECT_HOST_LEN);
  if (len) return append(text(load<u32>(record, REDIRECT_HOST_OFF)), len);
  if (!present(SLOT_AUTHORITY)) return false;
  const ptr = addressOf(SLOT_AUTHORITY);
  return append(ptr, hostLength(ptr, lengthOf(SLOT_AUTHORITY)));
}

/** The path, replaced as REPLACE_* says, and the request's query. */
function appendTarget(kind: u32, replacementOff: u32, replacementLen: u32, matched: u32): bool {
  const target = addressOf(SLOT_PATH);
  const targetLength = present(SLOT_PATH) ? lengthOf(SLOT_PATH) : 0;
  if (kind == REPLACE_NOTHING) return append(target, targetLength);
  let query: u32 = 0;
  while (query < targetLength && load<u8>(target + query) != QUESTION) query += 1;
  const start = end;
  let len = replacementLen;
  const replacement = text(replacementOff);
  if (kind == REPLACE_PREFIX) {
    if (len && load<u8>(replacement + len - 1) == SLASH) len -= 1;
    if (!append(replacement, len)) return false;
    const kept = matched < query ? matched : query;
    if (!append(target + kept, query - kept)) return false;
  } else if (!append(replacement, len)) return false;
  if (end == start) appendByte(SLASH);
  return append(target + query, targetLength - query);
}
