// The conformance data: which tests there are, and which features of the Gateway API they need.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export interface Feature {
  readonly name: string;
  /** The kind it belongs to: "Gateway", "HTTPRoute", "Mesh", … */
  readonly resource: string;
  readonly level: "core" | "extended";
  readonly channel: string;
}

export interface TestCase {
  readonly name: string;
  readonly features: readonly string[];
  /** Not yet part of what an implementation must pass. */
  readonly provisional: boolean;
  /** It is for implementations that claim none of these. */
  readonly unless?: readonly string[];
}

export interface Data {
  readonly features: readonly Feature[];
  readonly tests: readonly TestCase[];
}

interface TestFile {
  readonly shortName: string;
  readonly features: readonly { readonly name: string }[];
  readonly provisional?: boolean;
  readonly onlyWhenFeatures?: { readonly absent?: readonly string[] } | null;
  readonly steps?: unknown;
}

function read<T>(folder: string, file: string): T {
  return JSON.parse(readFileSync(join(folder, file), "utf8")) as T;
}

/** `fallback` has the features where `folder` holds only tests. */
export function readData(folder: string, fallback: string): Data {
  const home = existsSync(join(folder, "FEATURES.json")) ? folder : fallback;
  const { features } = read<{ readonly features: readonly Feature[] }>(home, "FEATURES.json");
  const tests = readdirSync(folder).filter((file) => file.endsWith(".json")).sort()
    .map((file) => read<TestFile>(folder, file))
    .filter((test) => test.steps !== undefined)
    .map(({ shortName, features: needed, provisional = false, onlyWhenFeatures }): TestCase => ({
      name: shortName, features: needed.map((f) => f.name), provisional,
      unless: onlyWhenFeatures?.absent ?? [],
    }));
  return { features, tests };
}
