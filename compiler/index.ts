// The library: the compiler without its command line. Everything here is pure; reading manifests
// and writing artifacts is the caller's.

export { compile, bakeFilter, type Compilation } from "./compile.ts";
export { emit, targets, type Emission, type EmitOptions, type Target } from "./emit.ts";
export type { Artifact } from "./emit/artifact.ts";
export { status } from "./status.ts";
export { explain, type Candidate, type Explanation, type Outcome } from "./explain/explain.ts";
export type { ReferenceRequest } from "./reference.ts";
export { render, summary } from "./render.ts";
export { hasError, type Diagnostic, type Label, type Level } from "./diagnostic.ts";
export type { Code } from "./codes.ts";
export { formatSpan, positionAt, type Position, type SourceFile, type Span } from "./source.ts";
export { readTable, type Table } from "./table/read.ts";
export type * from "./ir.ts";
