// Filters of a few lines, built here, that steer by what the test says and not by a table. They
// show what Envoy does around a filter: in good health, trapping, or not loading.

import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import asc from "assemblyscript/asc";

const abi = `
@external("env", "proxy_replace_header_map_value")
declare function replace(map: u32, key: usize, keyLen: usize, value: usize, valueLen: usize): u32;
@external("env", "proxy_get_header_map_value")
declare function read(map: u32, key: usize, keyLen: usize, value: usize, valueLen: usize): u32;
export function proxy_abi_version_0_2_1(): void {}
export function proxy_on_memory_allocate(size: usize): usize { return memory.data(8192); }
export function malloc(size: usize): usize { return memory.data(8192); }
export function proxy_on_vm_start(root: u32, size: u32): u32 { return 1; }
export function proxy_on_configure(root: u32, size: u32): u32 { return 1; }
export function proxy_on_context_create(context: u32, root: u32): void {}
export function proxy_on_done(context: u32): u32 { return 1; }
export function proxy_on_log(context: u32): void {}
export function proxy_on_delete(context: u32): void {}
`;

const text = (name: string, value: string): string => `
const ${name} = memory.data<u8>([${[...Buffer.from(value)].join(",")}]);
const ${name}Len: usize = ${Buffer.byteLength(value)};
`;

/** Steers every request to `cluster`; traps on a request with the header \`x-trap\`. */
export function steeringSource(cluster: string): string {
  return abi + text("header", "x-fairlead-cluster") + text("cluster", cluster)
    + text("trap", "x-trap") + `
const found = memory.data(8);
export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 {
  if (read(0, trap, trapLen, found, found + 4) == 0 && load<u32>(found + 4) > 0) unreachable();
  replace(0, header, headerLen, cluster, clusterLen);
  return 0;
}
`;
}

/** Leaves every request alone: the state in which nothing has steered. */
export const idleSource = `${abi}
export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 { return 0; }
`;

export async function buildToy(source: string): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "fairlead-toy-"));
  try {
    await writeFile(join(folder, "toy.ts"), source);
    const { error, stderr } = await asc.main(
      ["toy.ts", "-O3", "--runtime", "stub", "--use", "abort=", "-o", "toy.wasm"].concat(
        ["--baseDir", folder]),
    );
    if (error) throw new Error(`asc: ${String(error)}\n${String(stderr)}`);
    return new Uint8Array(await readFile(join(folder, "toy.wasm")));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Does what the request says in `x-pick-cluster`, `x-pick-policy` and `x-pick-authority`. */
export const pickingSource = `${abi}
${text("from_cluster", "x-pick-cluster")}${text("to_cluster", "x-fairlead-cluster")}
${text("from_policy", "x-pick-policy")}${text("to_policy", "x-fairlead-policy")}
${text("from_host", "x-pick-authority")}${text("to_host", ":authority")}
const found = memory.data(8);
function pick(from: usize, fromLen: usize, to: usize, toLen: usize): void {
  if (read(0, from, fromLen, found, found + 4) != 0 || load<u32>(found + 4) == 0) return;
  replace(0, to, toLen, load<u32>(found), load<u32>(found + 4));
}
export function proxy_on_request_headers(context: u32, count: u32, end: u32): u32 {
  pick(from_policy, from_policyLen, to_policy, to_policyLen);
  pick(from_host, from_hostLen, to_host, to_hostLen);
  pick(from_cluster, from_clusterLen, to_cluster, to_clusterLen);
  return 0;
}
`;
