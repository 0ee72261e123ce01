// Texts in the core's memory: a request's written into its input buffer, and any read, as UTF-8.

/** The core's memory, up to the end of its input buffer. */
export interface Input {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly end: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Up to this length a loop over char codes beats `encodeInto`, in workerd as in Node. */
const shortTextMax = 64;

/** Writes `text` at `at`, a multiple of 8; the end of it, or -1 where it does not fit. */
export function writeText(input: Input, at: number, text: string): number {
  const { bytes, end } = input;
  const length = text.length;
  if (at + length > end) return -1;
  if (writeShort(input, at, text) !== UNFIT) return at + length;
  const { read, written } = encoder.encodeInto(text, bytes.subarray(at, end));
  return read === length ? at + written : -1;
}

// What `writeShort` found.
const UNCHANGED = 0;
const CHANGED = 1;
/** The text is long or not ASCII; whatever was written is to be written over. */
const UNFIT = 2;

/** Writes a short text, a word at a time, and says whether just that stood there before. */
function writeShort({ bytes, words, end }: Input, at: number, text: string): number {
  const length = text.length;
  if (length > shortTextMax || at + length > end) return UNFIT;
  const whole = length & ~3;
  let all = 0;
  let change = 0;
  let word = at >>> 2;
  for (let i = 0; i < whole; i += 4) {
    const a = text.charCodeAt(i);
    const b = text.charCodeAt(i + 1);
    const c = text.charCodeAt(i + 2);
    const d = text.charCodeAt(i + 3);
    const packed = a | (b << 8) | (c << 16) | (d << 24);
    all |= a | b | c | d;
    change |= (words[word] ?? 0) ^ packed;
    words[word] = packed;
    word += 1;
  }
  for (let i = whole; i < length; i += 1) {
    const code = text.charCodeAt(i);
    all |= code;
    change |= (bytes[at + i] ?? 0) ^ code;
    bytes[at + i] = code;
  }
  if (all >= 0x80) return UNFIT;
  return change === 0 ? UNCHANGED : CHANGED;
}

/**
 * The text of some UTF-8, eight characters at a time as long as they are ASCII: a view of the
 * memory for the decoder would be one more thing for workerd to collect.
 */
export function textAt(bytes: Uint8Array, ptr: number, length: number): string {
  const byte = (at: number): number => bytes[at] ?? 0;
  let text = "";
  let all = 0;
  for (let at = ptr; at < ptr + length; at += 8) {
    const [a, b, c, d] = [byte(at), byte(at + 1), byte(at + 2), byte(at + 3)];
    const [e, f, g, h] = [byte(at + 4), byte(at + 5), byte(at + 6), byte(at + 7)];
    all |= a | b | c | d | e | f | g | h;
    text += String.fromCharCode(a, b, c, d, e, f, g, h);
  }
  if (all < 0x80) return text.slice(0, length);
  return decoder.decode(bytes.subarray(ptr, ptr + length));
}

export function aligned(address: number): number {
  return (address + 7) & ~7;
}

/** Requests for one host in a row before its name is worth a text of its own. */
const repeatsMin = 8;

export interface Authorities {
  /**
   * Where the authority that the core decided last ends, as long as it stands at the buffer's
   * start; else 0. `keeps`: requests keep coming for it.
   */
  readonly known: { end: number; keeps: boolean };
  /** Makes it stand at the buffer's start; its end, −1 where it does not fit. */
  putAuthority(authority: string): number;
}

/**
 * Requests come in runs for one host, whose name need not be written again, and of which the core
 * knows the virtual host.
 */
export function authorities(input: Input, start: number): Authorities {
  const known = { end: 0, keeps: false };
  // Of a host that keeps coming its name as a text of its own, which is quicker to compare with.
  let last: string | undefined;
  let repeats = 0;
  const putAuthority = (authority: string): number => {
    if (last !== undefined) {
      if (authority === last) return known.end;
      last = undefined;
      known.keeps = false;
    }
    const written = writeShort(input, start, authority);
    const end = written === UNFIT ? writeText(input, start, authority) : start + authority.length;
    if (written === UNCHANGED && end === known.end) {
      repeats += 1;
      if (repeats >= repeatsMin) {
        last = textAt(input.bytes, start, authority.length);
        known.keeps = true;
      }
    } else {
      repeats = 0;
      known.end = 0;
    }
    return end;
  };
  return { known, putAuthority };
}
