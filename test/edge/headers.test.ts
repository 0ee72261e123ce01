import { expect, test } from "vitest";

import { choosePort } from "../../runtime/edge/config.ts";
import { applyEdits, endToEnd } from "../../runtime/edge/headers.ts";
import {
  framingOf, headEnd, parseHead, startChunked, unchunk, type Header,
} from "../../runtime/edge/connection/http1.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (parts: readonly Uint8Array[]): string =>
  parts.map((part) => new TextDecoder().decode(part)).join("");

test("hop-by-hop fields, those that connection names, and our own do not pass", () => {
  const lines: Header[] = [
    ["connection", "X-Hop , close"], ["x-hop", "1"], ["keep-alive", "5"], ["te", "trailers"],
    ["transfer-encoding", "chunked"], ["upgrade", "h2c"], ["x-fairlead-cluster", "a"],
    ["x-kept", "1"], ["content-length", "3"],
  ];
  expect(endToEnd(lines)).toEqual([["x-kept", "1"], ["content-length", "3"]]);
});

test("connection cannot take away what frames or directs the message", () => {
  const lines: Header[] = [["content-length", "3"], ["host", "a"]];
  expect(endToEnd([["connection", "content-length, host"], ...lines])).toEqual(lines);
});

test("set replaces every line, add appends one, remove takes all", () => {
  const lines: Header[] = [["a", "1"], ["a", "2"], ["b", "1"], ["c", "1"]];
  const edited = applyEdits(lines, [
    { kind: "set", name: "a", value: "new" },
    { kind: "add", name: "b", value: "2" },
    { kind: "remove", name: "c", value: "" },
    { kind: "add", name: "c", value: "again" },
  ]);
  expect(edited).toEqual([["b", "1"], ["a", "new"], ["b", "2"], ["c", "again"]]);
});

test("edits of fields that frame or direct the message are not carried out", () => {
  for (const name of ["host", "content-length", "transfer-encoding", "connection", "upgrade"]) {
    expect(applyEdits([[name, "1"]], [{ kind: "set", name, value: "2" }])).toEqual([[name, "1"]]);
    expect(applyEdits([[name, "1"]], [{ kind: "remove", name, value: "" }])).toEqual([[name, "1"]]);
  }
});

test.each([["\r\n\r\n", 4], ["\n\n", 2], ["\r\n\n", 3], ["\n\r\n", 3]])(
  "a head ends with an empty line, however its lines end: %j",
  (end, length) => {
    const head = `HTTP/1.1 200 OK\r\na: 1${end}`;
    expect(headEnd(bytesOf(`${head}body\n\n`), 0)).toBe(head.length);
    expect(headEnd(bytesOf(head.slice(0, -1)), 0)).toBe(-1);
    expect(headEnd(bytesOf(head), head.length - length)).toBe(head.length);
  },
);

test.each([
  ["HTTP/1.1 200 OK", 200], ["HTTP/1.1 200 ", 200], ["HTTP/1.1 200", 200], ["HTTP/1.0 404 No", 404],
  ["HTTP/1.1 099 x", undefined], ["HTTP/1.1 600 x", undefined], ["HTTP/2 200 OK", undefined],
  ["HTTP/1.1  200 OK", undefined], ["http/1.1 200 OK", undefined], ["", undefined],
])("the status line %j", (line, status) => {
  expect(parseHead(bytesOf(`${line}\r\n\r\n`))?.status).toBe(status);
});

test.each([
  ["a: 1", "a", "1"], ["A-b:1", "a-b", "1"], ["a: \t1 2\t ", "a", "1 2"], ["a:", "a", ""],
])("the header line %j", (line, name, value) => {
  const head = parseHead(bytesOf(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`));
  expect(head?.headers).toEqual([[name, value]]);
});

test.each(["a : 1", " a: 1", "a", ": 1", "a: \0", "a: 1\rb: 2", "ä: 1"])(
  "the header line %j is refused",
  (line) => {
    expect(parseHead(bytesOf(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`))).toBeUndefined();
  },
);

test.each([
  ["GET", 200, [["content-length", "5"]], { kind: "length", length: 5 }],
  ["GET", 200, [["content-length", "5, 5"]], { kind: "length", length: 5 }],
  ["GET", 200, [["transfer-encoding", "Chunked"]], { kind: "chunked" }],
  ["GET", 200, [], { kind: "close" }],
  ["HEAD", 200, [["content-length", "5"]], { kind: "none" }],
  ["GET", 204, [["content-length", "5"]], { kind: "none" }],
  ["GET", 304, [["transfer-encoding", "chunked"]], { kind: "none" }],
  ["GET", 200, [["content-length", "+5"]], undefined],
  ["GET", 200, [["content-length", "5"], ["content-length", "4"]], undefined],
  ["GET", 200, [["content-length", "5"], ["transfer-encoding", "chunked"]], undefined],
  ["GET", 200, [["transfer-encoding", "chunked, chunked"]], undefined],
  ["HEAD", 200, [["transfer-encoding", "x"]], undefined],
] as const)("the body of %s %d with %j", (method, status, headers, framing) => {
  expect(framingOf({ status, minor: 1, headers }, method)).toEqual(framing);
});

test("HTTP/1.0 has no chunks", () => {
  const headers: Header[] = [["transfer-encoding", "chunked"]];
  expect(framingOf({ status: 200, minor: 0, headers }, "GET")).toBeUndefined();
});

test("a chunked body is the same however it is cut into pieces", () => {
  const wire = "3\r\nabc\r\n00a;n=v\r\n0123456789\r\n0\r\nx: y\r\n\r\n";
  for (let size = 1; size <= wire.length; size += 1) {
    const chunked = startChunked();
    const parts: Uint8Array[] = [];
    for (let at = 0; at < wire.length; at += size) {
      parts.push(...unchunk(chunked, bytesOf(wire.slice(at, at + size))));
    }
    expect([textOf(parts), chunked.state]).toEqual(["abc0123456789", "end"]);
  }
});

test.each([
  "x\r\n", "-1\r\n", "3\r\nabcd\r\n", "\r\n", "fffffffffffff\r\n", "3".repeat(5000),
  `0\r\n${"a: 1\r\n".repeat(20000)}`,
])("a chunked body that is none is broken: %#", (wire) => {
  const chunked = startChunked();
  unchunk(chunked, bytesOf(wire));
  expect(chunked.state).toBe("broken");
});

test.each([
  ["http://a/", 0], ["https://a/", 1], ["http://a:8080/x:1", 2], ["http://a:9999/", 0],
  ["https://a:8443/", 1], ["http://[::1]:8080/", 2], ["http://a:443/", 1],
])("the gateway port of %s is number %d", (url, index) => {
  const port = (number: number, protocol: "HTTP" | "HTTPS") =>
    ({ gateway: "ns/a", port: number, protocol });
  const gatewayPorts = [
    port(80, "HTTP"), port(443, "HTTPS"), port(8080, "HTTP"),
    { gateway: "ns/b", port: 80, protocol: "HTTP" as const },
  ];
  const config = { gatewayPorts, clusters: [] };
  expect(choosePort(config, undefined, { url })).toBe(index);
  expect(choosePort(config, "ns/b", { url })).toBe(3);
  expect(choosePort(config, "ns/c", { url })).toBe(-1);
});
