// Runs once before any test: tests that read dist/ see today's sources.

export async function setup(): Promise<void> {
  // Not the dependencies: the vitest that runs here is one of them.
  const url = new URL("../compiler/toolchain/setup.mjs", import.meta.url);
  const toolchain: { setup(_: object): Promise<void> } = await import(url.href);
  try {
    await toolchain.setup({ dependencies: false });
  } catch (error) {
    process.stderr.write(`dist/ is older than the sources: ${String(error)}\n`);
  }
}
