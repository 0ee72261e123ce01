// Finding an Envoy, and what the download is made of.

import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateRawSync } from "node:zlib";

import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { findEnvoy } from "../../runtime/envoy/binary.ts";
import { withLock } from "../../runtime/envoy/lock.ts";
import { lastLines, startEnvoy } from "../../runtime/envoy/process.ts";
import { readZipEntry } from "../../runtime/envoy/zip.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "fairlead-binary-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** An executable that says what Envoy says to --version. */
async function standIn(name: string, version: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, `#!/bin/sh\necho "$0  version: abc/${version}/Clean/RELEASE/BoringSSL"\n`);
  await chmod(path, 0o755);
  return path;
}

describe("findEnvoy", () => {
  test("$ENVOY comes before the PATH", async () => {
    const named = await standIn("named", "1.2.3");
    await standIn("envoy", "4.5.6");
    expect(await findEnvoy({ ENVOY: named, PATH: `${folder}:/bin` }))
      .toEqual({ path: named, version: "1.2.3" });
    expect(await findEnvoy({ PATH: `/nowhere:${folder}:/bin` }))
      .toEqual({ path: join(folder, "envoy"), version: "4.5.6" });
  });

  test("an $ENVOY that does not work is an error, not a reason to take another one", async () => {
    await standIn("envoy", "4.5.6");
    await expect(findEnvoy({ ENVOY: join(folder, "missing"), PATH: folder }))
      .rejects.toThrow(/\$ENVOY is .*missing, which cannot be run: it is not an executable file/);
    const other = join(folder, "other");
    await writeFile(other, "#!/bin/sh\necho hello\n");
    await chmod(other, 0o755);
    await expect(findEnvoy({ ENVOY: other, PATH: folder })).rejects.toThrow("cannot be run");
  });
});

test("an Envoy that does not start: the end of its log is told, no file is left", async () => {
  const path = join(folder, "envoy");
  await writeFile(path, `#!/bin/sh\necho "[time][1][critical][main] no such thing"\nexit 3\n`);
  await chmod(path, 0o755);
  let home = "";
  const start = startEnvoy({ path, config: (own) => {
    home = own;
    return "{}";
  } });
  await expect(start).rejects.toThrow(/Envoy ended \(exit code 3\):\n.*no such thing/);
  await expect(readFile(join(home, "bootstrap.yaml"))).rejects.toThrow("ENOENT");
});

test("of a long log the telling lines are shown", () => {
  const log = ["[1][info][main] starting", "[1][critical][main] cause", "[1][info][main] exiting"];
  expect(lastLines(log.join("\n"))).toBe("[1][critical][main] cause");
  expect(lastLines("usage: envoy")).toBe("usage: envoy");
});

describe("readZipEntry", () => {
  const entries = { "a/readme": "stored", "a/tool": "deflated ".repeat(100) };

  test("gives an entry's bytes, packed or not, and nothing for an unknown name", () => {
    const zip = makeZip(entries);
    expect(readZipEntry(zip, "a/readme")?.toString()).toBe(entries["a/readme"]);
    expect(readZipEntry(zip, "a/tool")?.toString()).toBe(entries["a/tool"]);
    expect(readZipEntry(zip, "tool")).toBeUndefined();
  });

  test("refuses what is damaged or no archive", () => {
    const zip = makeZip(entries);
    zip[32 + "a/readme".length] = 0x21;
    expect(() => readZipEntry(zip, "a/readme")).toThrow("damaged");
    expect(() => readZipEntry(Buffer.from("hello"), "a")).toThrow("not a zip archive");
  });
});

describe("withLock", () => {
  test("one holder at a time", async () => {
    let inside = 0;
    let most = 0;
    await Promise.all([1, 2, 3].map(() => withLock(join(folder, "lock"), async () => {
      inside += 1;
      most = Math.max(most, inside);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside -= 1;
    })));
    expect(most).toBe(1);
  });

  test("is given up by a failure, and taken over from a process that is gone", async () => {
    const path = join(folder, "lock");
    await expect(withLock(path, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    // Process ids end far below this number.
    await writeFile(path, "2147483646");
    expect(await withLock(path, () => Promise.resolve("mine"))).toBe("mine");
  });
});

/** Entries longer than 20 bytes are deflated. */
function makeZip(contents: Readonly<Record<string, string>>): Buffer {
  const files: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const [name, text] of Object.entries(contents)) {
    const data = Buffer.from(text);
    const packed = data.length > 20 ? deflateRawSync(data) : data;
    const facts = Buffer.alloc(26);
    facts.writeUInt16LE(data.length > 20 ? 8 : 0, 4);
    facts.writeUInt32LE(crc32(data), 10);
    facts.writeUInt32LE(packed.length, 14);
    facts.writeUInt32LE(data.length, 18);
    facts.writeUInt16LE(name.length, 22);
    files.push(Buffer.from("PK\x03\x04"), facts, Buffer.from(name), packed);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.from("PK\x01\x02\x00\x00"), facts, tail, Buffer.from(name));
    offset += 30 + name.length + packed.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(Object.keys(contents).length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...files, ...directory, Buffer.from("PK\x05\x06"), end]);
}
