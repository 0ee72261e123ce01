// What an emitter makes: files as values. `build` writes them; nothing here touches the disk.

export interface Artifact {
  /** Below the output folder, with `/` between its parts. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export function textArtifact(path: string, text: string): Artifact {
  return { path, bytes: new TextEncoder().encode(text) };
}

/** Plain data as JSON and YAML have it. `undefined` fields are left out of the text. */
export type Json = string | number | boolean | null | undefined
  | readonly Json[] | { readonly [key: string]: Json };
