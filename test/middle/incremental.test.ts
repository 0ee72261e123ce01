// A compilation that takes over what an earlier one made says the same as one that does not. What
// it may take over depends on what the rest of the input says, so that the edits here are to
// documents that others refer to, contradict, allow and shadow.

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";

import { compile, type Compilation } from "../../compiler/compile.ts";
import type { SourceFile } from "../../compiler/source.ts";
import { status } from "../../compiler/status.ts";
import { slots } from "./slots.ts";

const runs = Number(process.env["FAIRLEAD_FUZZ_TABLES"] ?? 400) / 8;

/** What a file says, or undefined where it is not there; by slot. */
type World = readonly (SourceFile | undefined)[];

const saying = fc.record({
  slot: fc.nat(slots.length - 1),
  saying: fc.nat(6),
  // The same said at another place of the file.
  above: fc.constantFrom("", "", "", "# a line\n"),
});
type Saying = typeof saying extends fc.Arbitrary<infer T> ? T : never;

function say(world: World, { slot, saying: chosen, above }: Saying): World {
  const text = slots[slot]?.[chosen];
  const file = text === undefined ? undefined
    : { path: `${String(slot).padStart(2, "0")}.yaml`, text: `${above}${text}\n` };
  return world.map((before, at) =>
    (at !== slot ? before : before?.text === file?.text ? before : file));
}

const everything: World = slots.reduce<World>(
  (world, _, slot) => say(world, { slot, saying: 0, above: "" }), slots.map(() => undefined));

function filesOf(world: World): readonly SourceFile[] {
  return world.filter((file) => file !== undefined);
}

/** All that anybody makes of a compilation, as text. */
function outcome({ table, ir, plan, diagnostics, resolved }: Compilation): unknown {
  const text = JSON.stringify([ir, plan, diagnostics, status(resolved)], (key, value: unknown) =>
    (key === "file" ? (value as SourceFile).path : value));
  return { table: Buffer.from(table).toString("hex"), ...JSON.parse(`{"all": ${text}}`) };
}

test("a compilation after edits is the one that a cold one makes", () => {
  fc.assert(fc.property(fc.array(saying, { minLength: 1, maxLength: 16 }), (edits) => {
    let world = everything;
    let warm = compile(filesOf(world));
    for (const edit of edits) {
      world = say(world, edit);
      warm = compile(filesOf(world), warm);
      expect(outcome(warm)).toEqual(outcome(compile(filesOf(world))));
    }
  }), { numRuns: runs });
}, 60_000);

test("each document's every saying counts after every other of it", () => {
  slots.forEach((sayings, slot) => {
    // One more than there are: the document is not there.
    const worlds = [...sayings, undefined]
      .map((_, chosen) => say(everything, { slot, saying: chosen, above: "" }));
    const cold = worlds.map((world) => compile(filesOf(world)));
    for (const [from, before] of cold.entries()) {
      for (const [to, world] of worlds.entries()) {
        const warm = compile(filesOf(world), before);
        expect(outcome(warm), `slot ${slot}: ${from} → ${to}`).toEqual(outcome(cold[to]!));
      }
    }
  });
}, 60_000);

test("what is wrong with a Service is said once, however many routes lead to it", () => {
  const slot = slots.findIndex((sayings) => sayings[0]?.includes("fairlead.dev/subset"));
  const world = say(everything, { slot, saying: 2, above: "" });
  const faults = ({ diagnostics }: Compilation): readonly string[] =>
    diagnostics.filter((d) => d.resource === "Service default/a-v1").map((d) => d.code);
  expect(faults(compile(filesOf(world)))).toEqual(["FL0405"]);
  expect(faults(compile(filesOf(world), compile(filesOf(everything))))).toEqual(["FL0405"]);
});

test("an edit of one route leaves the virtual hosts of the others as they are", () => {
  const names = ["a", "b", "c"];
  const files = names.map((name) => hostFile(name, "/one"));
  const before = compile([gatewayFile, ...files]);
  const after = compile([gatewayFile, hostFile("a", "/two"), ...files.slice(1)], before);
  const hosts = ({ ir }: Compilation): ReadonlyMap<string, unknown> =>
    new Map(ir.gatewayPorts.flatMap((p) => p.virtualHosts).map((h) => [h.hostname, h]));
  const kept = names.filter((name) =>
    hosts(before).get(`${name}.example.com`) === hosts(after).get(`${name}.example.com`));
  expect(kept).toEqual(["b", "c"]);
});

test("a compilation keeps nothing alive of those before it but what it took over", async () => {
  const files = ["a", "b", "c"].map((name) => hostFile(name, "/one"));
  let world = [gatewayFile, ...files];
  let last = compile(world);
  const gone = new WeakRef(last.resolved.inventory);
  for (const value of ["/two", "/three", "/four"]) {
    world = [gatewayFile, hostFile("a", value), ...files.slice(1)];
    last = compile(world, last);
  }
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // A WeakRef holds its target until the end of the turn.
  await new Promise((resolve) => setTimeout(resolve, 0));
  collect();
  expect(gone.deref()).toBe(undefined);
  expect(last.ir.gatewayPorts).toHaveLength(1);
});

const gatewayFile: SourceFile = { path: "gateway.yaml", text: slots[0]?.[0] ?? "" };

function hostFile(name: string, value: string): SourceFile {
  const route = {
    apiVersion: "gateway.networking.k8s.io/v1", kind: "HTTPRoute", metadata: { name },
    spec: {
      parentRefs: [{ name: "gw", namespace: "infra" }], hostnames: [`${name}.example.com`],
      rules: [{ matches: [{ path: { type: "PathPrefix", value } }], backendRefs: [] }],
    },
  };
  return { path: `${name}.yaml`, text: JSON.stringify(route, null, 2) };
}
