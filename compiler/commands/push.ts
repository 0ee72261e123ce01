// `fairlead push`: the filter with its table as an image, to a registry, to a folder, or both.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

import { hasError } from "../diagnostic.ts";
import { emit } from "../emit.ts";
import { findCredentials } from "../image/credentials.ts";
import { filterImage } from "../image/filter-image.ts";
import { imageForms, type Image, type ImageForm } from "../image/image.ts";
import { imageLayout } from "../image/layout.ts";
import { readReference, type ImageReference } from "../image/reference.ts";
import { RegistryError } from "../image/registry-error.ts";
import { pushImage } from "../image/registry.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { write } from "../write.ts";
import {
  stringOption, wrongUsage, type Io, type Options, type Outcome, type Run,
} from "./command.ts";
import { compileInput } from "./input.ts";

export const run: Run = async (options, io) => {
  const [target, ...more] = options.positionals;
  const layout = stringOption(options, "oci-layout", "");
  if (more.length > 0) return wrongUsage("name one image, `registry/repository:tag`");
  if (target === undefined && layout === "") {
    return wrongUsage("name the image, `registry/repository:tag`, or a folder with `--oci-layout`");
  }
  const read = target === undefined ? undefined : readReference(target);
  if (read && !read.ok) return wrongUsage(read.problem);
  const made = await filterOf(options, io);
  if ("exitCode" in made) return made;
  const image = filterImage({
    filterWasm: made.filterWasm,
    form: stringOption(options, "form", imageForms[0]) as ImageForm,
    ...revisionOf(options),
  });
  const { diagnostics } = made;
  if (layout !== "") {
    await write(resolve(io.cwd, layout), imageLayout(image, read?.reference.tag));
  }
  if (!read) return { stdout: `${image.manifest.digest}\n`, diagnostics, exitCode: 0 };
  return push(image, read.reference, diagnostics, options, io);
};

function revisionOf(options: Options): { readonly revision?: string } {
  const revision = stringOption(options, "revision", "");
  return revision === "" ? {} : { revision };
}

interface Filter {
  readonly filterWasm: Uint8Array;
  readonly diagnostics: readonly Diagnostic[];
}

/** One that was built before, or one from manifests. */
async function filterOf(options: Options, io: Io): Promise<Filter | Outcome> {
  const path = stringOption(options, "filter", "");
  if ((path === "") === (options.inputs.length === 0)) {
    return wrongUsage("name the manifests with `-f`, or a filter that was built with `--filter`");
  }
  if (path !== "") {
    try {
      return { filterWasm: await readFile(resolve(io.cwd, path)), diagnostics: [] };
    } catch {
      return failure(`\`${path}\` cannot be read`);
    }
  }
  const { compilation, diagnostics: found } = await compileInput(options, io);
  const emission = emit(compilation, { targets: ["istio"] });
  const diagnostics = [...found, ...emission.diagnostics];
  const filterWasm = emission.artifacts.find((a) => a.path === "istio/filter.wasm")?.bytes;
  if (hasError(diagnostics) || !filterWasm) return { stdout: "", diagnostics, exitCode: 1 };
  return { filterWasm, diagnostics };
}

function failure(message: string, diagnostics: readonly Diagnostic[] = []): Outcome {
  return { stdout: "", diagnostics, exitCode: 1, message };
}

async function push(
  image: Image, reference: ImageReference, diagnostics: readonly Diagnostic[],
  options: Options, io: Io,
): Promise<Outcome> {
  const { registry, repository, tag } = reference;
  const found = await findCredentials(registry, io.env);
  if (!found.ok) return failure(found.problem, diagnostics);
  const caPath = stringOption(options, "ca", "");
  let caCertificates: string | undefined;
  try {
    if (caPath !== "") caCertificates = await readFile(resolve(io.cwd, caPath), "utf8");
  } catch {
    return failure(`\`${caPath}\` cannot be read`, diagnostics);
  }
  try {
    const { digest } = await pushImage(image, reference, {
      credentials: found.credentials, caCertificates, signal: io.signal,
    });
    const stdout = `oci://${registry}/${repository}:${tag}@${digest}\n`;
    return { stdout, diagnostics, exitCode: 0 };
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const hint = error.hint === undefined ? "" : `; ${error.hint}`;
    return failure(`${error.message}${hint}`, diagnostics);
  }
}
