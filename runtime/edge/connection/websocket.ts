// A WebSocket to an address. The platform speaks the protocol with the client and gives us its
// messages; over the socket we speak it ourselves. Extensions, which work on frames, are therefore
// not offered to the backend; subprotocols are the client's and the backend's own affair.

import {
  answered, headOf, openLine, receive, type Address, type Dialed, type DialOptions, type End,
  type Line, type Outgoing,
} from "./dial.ts";
import {
  closeFrame, frameOf, opcodes, startIncoming, takeMessages, type Message,
} from "./frames.ts";

const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const own: ReadonlySet<string> = new Set([
  "sec-websocket-key", "sec-websocket-extensions", "sec-websocket-accept", "content-length",
]);

export async function dialWebSocket(
  address: Address,
  outgoing: Outgoing,
  options: DialOptions,
  signal: AbortSignal | undefined,
): Promise<Dialed> {
  const line = await openLine(address, options, signal);
  if (typeof line === "string") return { ok: false, failure: line };
  const key = base64(crypto.getRandomValues(new Uint8Array(16)));
  const lines = outgoing.lines.filter(([name]) => !own.has(name));
  const asking = `connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: ${key}\r\n`;
  line.writer.write(headOf({ ...outgoing, lines }, asking)).catch(() => undefined);
  const answer = await receive(line.reader, outgoing.method, true);
  // From here on the client's and the backend's closing end it; no time limit does.
  line.detach();
  if (typeof answer === "string" || answer.head.status !== 101) return answered(line, answer);
  const { head: { status, headers }, rest } = answer;
  const accepted = headers.find(([name]) => name === "sec-websocket-accept")?.[1];
  if (accepted !== await acceptOf(key)) return answered(line, "protocol");
  const { 0: outer, 1: inner } = new WebSocketPair();
  const done = connectBoth(inner, line, rest);
  const kept = headers.filter(([name]) => !own.has(name));
  return {
    ok: true, status, headers: kept, body: null, done, drop: line.close, webSocket: outer,
  };
}

async function acceptOf(key: string): Promise<string> {
  const text = new TextEncoder().encode(key + acceptSuffix);
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-1", text)));
}

function base64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Resolves once both sides have closed. */
function connectBoth(
  client: PlatformWebSocket,
  { close, reader, writer }: Line,
  rest: Uint8Array,
): Promise<End> {
  let isClosing = false;
  const write = (frame: Uint8Array): void => void writer.write(frame).catch(() => undefined);
  const end = (code: number | undefined, reason: string): void => {
    if (isClosing) return;
    isClosing = true;
    write(closeFrame(code, reason));
  };
  client.binaryType = "arraybuffer";
  client.accept();
  client.addEventListener("message", ({ data }) => {
    const isText = typeof data === "string";
    const bytes = isText ? new TextEncoder().encode(data) : new Uint8Array(data);
    write(frameOf(isText ? opcodes.text : opcodes.binary, bytes));
  });
  const closed = new Promise<void>((resolve) => {
    client.addEventListener("close", ({ code, reason }) => {
      // 1005: no code was given; 1006: the client is gone without a word.
      if (code === 1006) close();
      else end(code === 1005 ? undefined : code, reason);
      resolve();
    });
    client.addEventListener("error", () => {
      close();
      resolve();
    });
  });
  const pumping = pump(client, reader, rest, write, end).then(() => {
    // The backend left without a word, however long the client takes to answer.
    if (!isClosing) close();
  });
  return Promise.all([closed, pumping]).then(() => {
    close();
    return "over";
  });
}

/** From the backend to the client. */
async function pump(
  client: PlatformWebSocket,
  reader: Line["reader"],
  rest: Uint8Array,
  write: (frame: Uint8Array) => void,
  end: (code: number | undefined, reason: string) => void,
): Promise<void> {
  const incoming = startIncoming(new Uint8Array(0));
  const part: { value: Uint8Array | undefined } = { value: rest };
  while (part.value !== undefined) {
    for (const message of takeMessages(incoming, part.value)) {
      if (message.kind === "ping") write(frameOf(opcodes.pong, message.bytes));
      else if (message.kind === "text") client.send(message.text);
      else if (message.kind === "binary") client.send(message.bytes);
      else if (message.kind === "close" || message.kind === "broken") {
        return over(client, message, end);
      }
    }
    part.value = (await reader.read().catch(() => undefined))?.value;
  }
  closeClient(client, 1011, "the backend closed the connection");
}

function over(
  client: PlatformWebSocket,
  message: Extract<Message, { readonly kind: "close" | "broken" }>,
  end: (code: number | undefined, reason: string) => void,
): void {
  const reason = message.kind === "close" ? message.reason : "";
  end(message.code, reason);
  if (message.kind === "broken") closeClient(client, 1011, "the backend breaks the protocol");
  else closeClient(client, message.code, reason);
}

/** Some codes cannot be sent on; then the client gets none. */
function closeClient(client: PlatformWebSocket, code: number | undefined, reason: string): void {
  try {
    client.close(code, reason);
  } catch {
    try {
      client.close();
    } catch {
      // It is closed already.
    }
  }
}
