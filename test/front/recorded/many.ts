// A case from each of several bodies of one kind.

import type { Case } from "./cases.ts";

export type Tries = Readonly<Record<string, unknown>>;

export function many(
  kind: string, apiVersion: string, tries: Tries, field?: string,
): readonly Case[] {
  return Object.entries(tries).map(([name, value]) => ({
    name, kind,
    manifest: {
      apiVersion, kind, metadata: { name: "x" },
      ...(field === undefined ? (value as object) : { [field]: value }),
    },
  }));
}
