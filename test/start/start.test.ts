// `npm start`, as a newcomer types it: the ten requests, and Ctrl-C.

import { spawn, type ChildProcess } from "node:child_process";
import { createServer, get } from "node:http";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

interface Demo {
  readonly child: ChildProcess;
  output(): string;
  readonly ended: Promise<number>;
}

const started: Demo[] = [];

/** In a process group of its own, as a terminal would start it. */
function start(...args: readonly string[]): Demo {
  const child = spawn("npm", ["start", "--", ...args], {
    cwd: root, detached: true, stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => (output += chunk.toString("utf8")));
  }
  // npm ends itself by the signal that ended its script; a shell calls that 130.
  const ended = new Promise<number>((resolve) => {
    child.once("close", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : -1)));
  });
  const demo = { child, output: () => output, ended };
  started.push(demo);
  return demo;
}

function interrupt({ child }: Demo): void {
  const running = child.exitCode === null && child.signalCode === null;
  if (running && child.pid !== undefined) process.kill(-child.pid, "SIGINT");
}

afterEach(async () => {
  for (const demo of started.splice(0)) {
    interrupt(demo);
    await demo.ended;
  }
});

async function address(demo: Demo): Promise<string> {
  for (let i = 0; i < 450; i += 1) {
    const found = /http:\/\/localhost:(\d+)/.exec(demo.output());
    if (found) return `http://127.0.0.1:${found[1]}`;
    if (demo.child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the demo does not say where it listens:\n${demo.output()}`);
}

function ask(url: string, host: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false, headers: { host } }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString("utf8")));
      response.on("end", () => resolve(`${response.statusCode} ${text}`));
    }).on("error", reject);
  });
}

describe.each(["edge", "envoy"])("npm start on %s", (runtime) => {
  test("ten requests reach each backend five times, and Ctrl-C ends it quietly", async () => {
    const demo = start("--port", "0", "--runtime", runtime);
    const url = await address(demo);
    const answers: string[] = [];
    for (let i = 0; i < 10; i += 1) answers.push(await ask(url, "test.devopscube.com"));
    for (const version of ["v1", "v2"]) {
      const answer = `200 hello from backend ${version}\n`;
      expect(answers.filter((text) => text === answer)).toHaveLength(5);
    }
    expect(await ask(url, "elsewhere.example")).toMatch(/^404 /);
    interrupt(demo);
    expect([0, 130]).toContain(await demo.ended);
    expect(demo.output()).not.toMatch(/error|^ +at /mi);
    await expect(ask(url, "test.devopscube.com")).rejects.toThrow();
  });
});

test("a port in use is one line that names the flag", async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
  const address = taken.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const demo = start("--port", String(port));
  const code = await demo.ended;
  taken.close();
  expect(code).not.toBe(0);
  // Without npm's echo of the script that it runs.
  const lines = demo.output().split("\n").filter((line) => line && !line.startsWith(">"));
  expect(lines.filter((line) => line.includes(String(port)))).toHaveLength(1);
  expect(lines.filter((line) => line.includes("--port"))).toHaveLength(1);
  expect(demo.output()).not.toMatch(/^ +at /m);
});
