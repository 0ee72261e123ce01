// A command as the command line calls it: in a folder of its own, with nothing of the user's.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach } from "vitest";

import type { Io, Options } from "../../compiler/commands/command.ts";

export interface Place {
  /** The command's working folder, new for each test. */
  readonly folder: string;
  readonly io: () => Io;
}

/** Call it once, outside of tests. */
export function place(): Place {
  const here = { folder: "" };
  beforeEach(async () => {
    here.folder = await mkdtemp(join(tmpdir(), "fairlead-commands-"));
  });
  afterEach(() => rm(here.folder, { recursive: true, force: true }));
  return {
    get folder() {
      return here.folder;
    },
    io: () => ({
      cwd: here.folder, env: { DOCKER_CONFIG: here.folder }, readStdin: async () => "",
      write: () => undefined, warn: () => undefined, report: () => undefined,
      signal: new AbortController().signal,
    }),
  };
}

export function options(more: Partial<Options>): Options {
  return { inputs: ["in.yaml"], positionals: [], values: {}, ...more };
}

/** A Gateway of the class, and a Service to lead to. */
export function gatewayOf(gatewayClassName: string): string {
  return `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: g }
spec:
  gatewayClassName: ${gatewayClassName}
  listeners: [{ name: http, protocol: HTTP, port: 80 }]
---
apiVersion: v1
kind: Service
metadata: { name: s }
spec: { ports: [{ port: 80 }] }
`;
}
