// The commands, their options and their help. A command's own module is loaded when it is called.

import type { Run } from "./command.ts";

export interface OptionSpec {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: boolean;
  /** What stands for the value in the help. */
  readonly value?: string;
  readonly choices?: readonly string[];
  readonly about: string;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Positional arguments, as the help shows them. */
  readonly arguments: string;
  /** Whether positional arguments are further input files. */
  readonly filesAsArguments: boolean;
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly run: () => Promise<{ readonly run: Run }>;
}

const file: OptionSpec = {
  type: "string",
  short: "f",
  multiple: true,
  value: "PATH",
  about: "a file, folder, glob, or - for the standard input; may be repeated",
};

function output(about: string, ...choices: readonly string[]): OptionSpec {
  return { type: "string", short: "o", value: choices.join("|"), choices, about };
}

const routing: OptionSpec = {
  type: "string",
  value: "filter|native",
  choices: ["filter", "native"],
  about: "who routes in Envoy: our filter, or Envoy's own routes",
};

const target: OptionSpec = {
  type: "string",
  value: "LIST",
  about: "envoy, istio, edge (these without it), envoy-gateway; several with commas",
};

const locality: OptionSpec = {
  type: "string",
  value: "REGION/ZONE/SUBZONE",
  about: "where the Gateways are, as far as it matters, for settings by locality",
};

export const commands: readonly Command[] = [
  {
    name: "check",
    summary: "report what is wrong with the manifests",
    arguments: "[PATH]…",
    filesAsArguments: true,
    options: {
      file, locality, output: output("form of the report", "text", "json"),
      target: { ...target, about: `also what these do not carry out: ${target.about}` },
    },
    run: () => import("./check.ts"),
  },
  {
    name: "build",
    summary: "compile the manifests into a table, a filter and the files to run them",
    arguments: "[PATH]…",
    filesAsArguments: true,
    options: {
      file,
      output: { type: "string", short: "o", value: "DIR", about: "where to write the artifacts" },
      target,
      "filter-path": {
        type: "string",
        value: "PATH",
        about:
          "where Envoy will find filter.wasm; without it the bootstrap holds the filter itself",
      },
      "tls-dir": {
        type: "string",
        value: "DIR",
        about: "where Envoy will find key pairs, NAMESPACE/SECRET/tls.crt and tls.key below it",
      },
      routing,
      locality,
      table: {
        type: "string",
        value: "baked|config",
        choices: ["baked", "config"],
        about: "how the filter gets its table: baked in, or as its plugin's configuration",
      },
      "shared-state": {
        type: "boolean",
        about: "isolates of the edge worker share ejections and limits through Durable Objects",
      },
      image: {
        type: "string",
        value: "URL",
        about: "the filter's image for Istio: oci://registry/name:tag",
      },
      "image-pull-secret": {
        type: "string",
        value: "NAME",
        about: "a Secret with the registry's credentials, beside the Gateway",
      },
      "istio-version": {
        type: "string",
        value: "X.Y",
        about: "the Istio release that the manifests are for",
      },
      hostname: {
        type: "string",
        multiple: true,
        value: "NAME",
        about: "carry only this hostname under Istio; may be repeated",
      },
      "other-hosts": {
        type: "string",
        value: "istio|404",
        choices: ["istio", "404"],
        about: "who answers under Istio for hostnames that no route has",
      },
    },
    run: () => import("./build.ts"),
  },
  {
    name: "push",
    summary: "send the filter with its table to a registry, as an image for Istio",
    arguments: "[REGISTRY/REPOSITORY[:TAG]]",
    filesAsArguments: false,
    options: {
      file,
      filter: {
        type: "string",
        value: "PATH",
        about: "a filter.wasm that was built before, instead of manifests",
      },
      "oci-layout": {
        type: "string",
        value: "DIR",
        about: "write the image as an OCI image layout, beside or instead of pushing it",
      },
      form: {
        type: "string",
        value: "compat|artifact",
        choices: ["compat", "artifact"],
        about: "an image that every registry takes (the default), or an OCI artifact",
      },
      revision: {
        type: "string",
        value: "TEXT",
        about: "the manifests' revision, as an annotation of the image",
      },
      ca: {
        type: "string",
        value: "FILE",
        about: "certificates of authorities that the registry's is from, as PEM",
      },
    },
    run: () => import("./push.ts"),
  },
  {
    name: "explain",
    summary: "say which route takes a request, and why",
    arguments: "[METHOD] URL",
    filesAsArguments: false,
    options: {
      file,
      header: {
        type: "string",
        short: "H",
        multiple: true,
        value: "'NAME: VALUE'",
        about: "a header of the request; may be repeated",
      },
      gateway: {
        type: "string",
        value: "NS/NAME",
        about: "the Gateway that receives it, where several could",
      },
      from: {
        type: "string",
        value: "NAMESPACE",
        about: "a workload of the mesh in this namespace sends it to a Service",
      },
      output: output("form of the answer", "text", "json"),
    },
    run: () => import("./explain.ts"),
  },
  {
    name: "status",
    summary: "print the status that a conforming controller would write",
    arguments: "[PATH]…",
    filesAsArguments: true,
    options: { file, output: output("form of the output", "yaml", "json") },
    run: () => import("./status.ts"),
  },
  {
    name: "dev",
    summary: "run the gateway on this machine, and again when a manifest changes",
    arguments: "[PATH]…",
    filesAsArguments: true,
    options: {
      file,
      runtime: {
        type: "string",
        value: "edge|envoy",
        choices: ["edge", "envoy"],
        about: "what serves: a worker in miniflare, or Envoy",
      },
      routing,
      locality,
      port: { type: "string", value: "N", about: "local port of the first listener" },
      "health-port": {
        type: "string",
        value: "N",
        about: "local port of the health view, http://127.0.0.1:N/health",
      },
      "ready-file": {
        type: "string",
        value: "PATH",
        about: "written as JSON once traffic is served",
      },
    },
    run: () => import("./dev.ts"),
  },
  {
    name: "inspect",
    summary: "print what a routing table holds",
    arguments: "FILE",
    filesAsArguments: false,
    options: { output: output("form of the listing", "text", "json") },
    run: () => import("./inspect.ts"),
  },
  {
    name: "explain-code",
    summary: "print the long text of a diagnostic's code, or of all",
    arguments: "[CODE]…",
    filesAsArguments: false,
    options: {},
    run: () => import("./explain-code.ts"),
  },
];
