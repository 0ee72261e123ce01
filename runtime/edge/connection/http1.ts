// HTTP/1.1 as bytes: the head of a response, and a chunked body (RFC 9112). Pure; dial.ts moves the
// bytes. What is ambiguous is refused, since two readings of one message are how requests get
// smuggled.

export type Header = readonly [name: string, value: string];

export interface ResponseHead {
  readonly status: number;
  readonly minor: number;
  readonly headers: readonly Header[];
}

/** Envoy's limits on a head: of requests and of HTTP/2 responses, and of HTTP/1 responses. */
export const headLengthMax = 60 * 1024;
export const responseHeadMax = 80 * 1024;
export const headLinesMax = 100;

const lf = 10;
const cr = 13;
/** workerd writes header text as UTF-8, so that it must be read as UTF-8 to arrive as it was. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** The end of the head in `bytes` (behind its empty line), or -1 where it is not complete. */
export function headEnd(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(lf, from); at >= 0; at = bytes.indexOf(lf, at + 1)) {
    if (bytes[at + 1] === lf) return at + 2;
    if (bytes[at + 1] === cr && bytes[at + 2] === lf) return at + 3;
  }
  return -1;
}

const statusLine = /^HTTP\/1\.([01]) ([1-5][0-9]{2})(?: [^\0\r\n]*)?$/;
const headerLine = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[\t ]*([^\0\r\n]*?)[\t ]*$/;

/** The head, or undefined where it is not one. */
export function parseHead(bytes: Uint8Array): ResponseHead | undefined {
  const lines = utf8.decode(bytes).split(/\r?\n/);
  const match = statusLine.exec(lines[0] ?? "");
  if (match === null || lines.length - 3 > headLinesMax) return undefined;
  const headers: Header[] = [];
  for (const line of lines.slice(1)) {
    if (line === "") break;
    const header = headerLine.exec(line);
    if (header === null) return undefined;
    headers.push([(header[1] ?? "").toLowerCase(), header[2] ?? ""]);
  }
  return { status: Number(match[2]), minor: Number(match[1]), headers };
}

export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly length: number }
  | { readonly kind: "chunked" }
  /** The body ends with the connection. */
  | { readonly kind: "close" };

/** A 205 has no body either, and `Response` takes none for it. */
function isBodiless(status: number): boolean {
  return status === 204 || status === 205 || status === 304;
}

/** How the body of the answer to `method` is delimited; undefined where that is ambiguous. */
export function framingOf(head: ResponseHead, method: string): Framing | undefined {
  const values = (name: string): readonly string[] =>
    head.headers.filter(([n]) => n === name).flatMap(([, v]) => v.split(",").map((s) => s.trim()));
  const codings = values("transfer-encoding").map((c) => c.toLowerCase());
  const lengths = values("content-length");
  if (codings.length > 0 && (lengths.length > 0 || head.minor === 0)) return undefined;
  if (codings.length > 1 || (codings.length === 1 && codings[0] !== "chunked")) return undefined;
  if (lengths.some((l) => l !== lengths[0] || !/^[0-9]{1,15}$/.test(l))) return undefined;
  if (method === "HEAD" || head.status < 200 || isBodiless(head.status)) {
    return { kind: "none" };
  }
  if (codings.length === 1) return { kind: "chunked" };
  return lengths[0] === undefined
    ? { kind: "close" }
    : { kind: "length", length: Number(lengths[0]) };
}

/**
 * Takes a chunked body apart. `line` is the part of a line that has arrived; `left` the bytes of
 * the chunk still to come.
 */
export interface Chunked {
  state: "size" | "data" | "data-end" | "trailer" | "end" | "broken";
  left: number;
  line: string;
  trailerLength: number;
}

const chunkLineMax = 4096;

export function startChunked(): Chunked {
  return { state: "size", left: 0, line: "", trailerLength: 0 };
}

/** Moves `chunked` on by `bytes` and returns the body's parts in them. Trailers are dropped. */
export function unchunk(chunked: Chunked, bytes: Uint8Array): readonly Uint8Array[] {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at < bytes.length && chunked.state !== "end" && chunked.state !== "broken") {
    if (chunked.state === "data") {
      const part = bytes.subarray(at, at + chunked.left);
      parts.push(part);
      at += part.length;
      chunked.left -= part.length;
      if (chunked.left === 0) chunked.state = "data-end";
      continue;
    }
    const end = bytes.indexOf(lf, at);
    const stop = end < 0 ? bytes.length : end;
    chunked.line += utf8.decode(bytes.subarray(at, stop));
    at = stop + 1;
    if (chunked.line.length > chunkLineMax) chunked.state = "broken";
    else if (end >= 0) takeLine(chunked);
  }
  return parts;
}

function takeLine(chunked: Chunked): void {
  const line = chunked.line.endsWith("\r") ? chunked.line.slice(0, -1) : chunked.line;
  chunked.line = "";
  if (chunked.state === "data-end") {
    chunked.state = line === "" ? "size" : "broken";
  } else if (chunked.state === "trailer") {
    chunked.trailerLength += line.length;
    if (line === "") chunked.state = "end";
    else if (chunked.trailerLength > headLengthMax) chunked.state = "broken";
  } else {
    const size = /^([0-9a-fA-F]{1,12})[\t ]*(?:;[^\0\r\n]*)?$/.exec(line);
    chunked.left = size === null ? 0 : parseInt(size[1] ?? "", 16);
    chunked.state = size === null ? "broken" : chunked.left === 0 ? "trailer" : "data";
  }
}
