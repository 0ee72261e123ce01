// From an edit on disk to the generation that serves it: edits of several kinds under one
// `fairlead dev`, in turns.

import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { cpuNs, interleave } from "../measure.ts";
import { addedApplication, edited, hostOf, renamedListener, writeManifests } from "./workload.ts";

export interface Figure {
  readonly wallMs: number;
  readonly cpuUs: number;
  readonly rssMib: number;
}

export const editKinds = ["one route", "one application more or less", "the Gateway"] as const;
export type EditKind = (typeof editKinds)[number];

/** What is changed, and the request that tells whether it is served. */
interface Edit {
  readonly write: () => void;
  readonly host?: string;
  readonly location?: string;
}

interface Manifests {
  readonly folder: string;
  /** Of the applications' files. */
  readonly paths: readonly string[];
}

function editOf(kind: EditKind, { folder, paths }: Manifests, number: number): Edit {
  switch (kind) {
    case "one route": {
      const index = (number * 97) % paths.length;
      const path = paths[index] ?? "";
      const text = edited(readFileSync(path, "utf8"), number);
      return {
        write: () => writeFileSync(path, text), host: hostOf(index), location: `/to-${number}`,
      };
    }
    case "one application more or less": {
      const { path, text, exists } = addedApplication(folder);
      return { write: () => (exists ? rmSync(path) : writeFileSync(path, text)) };
    }
    case "the Gateway": {
      const path = join(folder, "gateway.yaml");
      const text = renamedListener(readFileSync(path, "utf8"));
      return { write: () => writeFileSync(path, text) };
    }
  }
}

interface Ready {
  readonly generation: number;
  readonly listeners: readonly { readonly address: string }[];
}

export interface EditOptions {
  /** `dist/fairlead.mjs`. */
  readonly fairlead: string;
  readonly folder: string;
  readonly rules: number;
  readonly rounds: number;
}

/** The first edits run code that is not compiled for speed yet; nobody waits for one edit only. */
const warmUps = 3;

export async function measureEdits(
  { fairlead, folder, rules, rounds }: EditOptions,
): Promise<ReadonlyMap<EditKind, readonly Figure[]>> {
  const inputs = join(folder, "dev");
  const manifests = { folder: inputs, paths: writeManifests(inputs, rules) };
  const readyFile = join(folder, "ready.json");
  const child = spawn(
    process.execPath,
    [fairlead, "dev", "-f", manifests.folder, "--port", "0", "--ready-file", readyFile],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  let generation = 1;
  const turn = async (kind: EditKind): Promise<Figure> => {
    await sleep(300);
    const edit = editOf(kind, manifests, generation);
    const beforeNs = cpuNs(child.pid ?? 0);
    const startMs = performance.now();
    edit.write();
    generation += 1;
    const ready = await readyWith(child, readyFile, generation);
    const wallMs = performance.now() - startMs;
    const cpuUs = (cpuNs(child.pid ?? 0) - beforeNs) / 1000;
    await assertServed(ready, edit);
    return { wallMs, cpuUs, rssMib: rssMib(child) };
  };
  try {
    await readyWith(child, readyFile, generation);
    const figures = await interleave(editKinds, rounds + warmUps, turn);
    return new Map([...figures].map(([kind, all]) => [kind, all.slice(warmUps)]));
  } finally {
    child.kill("SIGTERM");
    if (child.exitCode === null) await once(child, "exit");
  }
}

/** What the ready file says once it tells of this generation. */
async function readyWith(
  child: ChildProcess, readyFile: string, generation: number,
): Promise<Ready> {
  const endMs = performance.now() + 60_000;
  while (performance.now() < endMs && child.exitCode === null) {
    try {
      const ready: Ready = JSON.parse(readFileSync(readyFile, "utf8"));
      if (ready.generation >= generation) return ready;
    } catch {
      // Not there yet.
    }
    await sleep(2);
  }
  throw new Error(`fairlead dev serves no generation ${generation}`);
}

/** The ready file is not taken at its word. */
async function assertServed({ listeners }: Ready, { host, location }: Edit): Promise<void> {
  if (host === undefined) return;
  const asked = request(`http://${listeners[0]?.address}/edited`, { headers: { host } });
  asked.end();
  const [response] = await once(asked, "response");
  response.resume();
  const found = String(response.headers.location);
  if (!found.endsWith(location ?? "")) {
    throw new Error(`the edit is not served: ${response.statusCode}, to ${found}`);
  }
}

function rssMib({ pid }: ChildProcess): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024;
}
