// A name that Envoy knew and that stops resolving. The edge has no row here: it asks the platform's
// resolver for each request, which a test cannot take away.

import { createSocket, type Socket } from "node:dgram";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";

import { startEnvoy, type RunningEnvoy } from "../../runtime/envoy/process.ts";
import { startFaulty, type FaultyBackend } from "../backends/faulty.ts";
import { until } from "../dev/session.ts";
import { envoyOrReason } from "../envoy/binary.ts";
import {
  ask, cluster, gatewayPort, ir, staticConfig, withRoutes,
} from "../envoy/world.ts";

const { reason } = await envoyOrReason();

type Mode = "address" | "no such name" | "server failure" | "silence";

interface Resolver {
  readonly port: number;
  /** Questions since the mode was set. */
  readonly asked: number;
  set(mode: Mode): void;
  close(): void;
}

/** Answers every question for an address with 127.0.0.1, or as the mode says (RFC 1035). */
async function startResolver(): Promise<Resolver> {
  const socket: Socket = createSocket("udp4");
  let mode: Mode = "address";
  let asked = 0;
  socket.on("message", (question, peer) => {
    asked += 1;
    if (mode === "silence") return;
    const end = question.indexOf(0, 12) + 5;
    const isA = question.readUInt16BE(end - 4) === 1;
    const hasAnswer = mode === "address" && isA;
    const code = mode === "no such name" ? 3 : mode === "server failure" ? 2 : 0;
    const head = Buffer.from(question.subarray(0, 12));
    head.writeUInt16BE(0x8180 | code, 2);
    [1, hasAnswer ? 1 : 0, 0, 0].forEach((count, i) => head.writeUInt16BE(count, 4 + 2 * i));
    const record = Buffer.from("c00c000100010000000000047f000001", "hex");
    const parts = [head, question.subarray(12, end), ...(hasAnswer ? [record] : [])];
    socket.send(Buffer.concat(parts), peer.port, peer.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  return {
    port: (socket.address() as AddressInfo).port,
    get asked() { return asked; },
    set: (next) => {
      mode = next;
      asked = 0;
    },
    close: () => socket.close(),
  };
}

interface Bootstrap {
  readonly static_resources: { readonly clusters: Record<string, unknown>[] };
}

/** The bootstrap that asks this resolver, often. */
function asking(config: string, port: number): string {
  const value = parse(config) as Bootstrap;
  for (const own of value.static_resources.clusters) {
    const often = { base_interval: "0.1s", max_interval: "0.1s" };
    Object.assign(own, {
      dns_refresh_rate: "0.1s", dns_failure_refresh_rate: often,
      typed_dns_resolver_config: {
        name: "envoy.network.dns_resolver.cares",
        typed_config: {
          "@type": "type.googleapis.com/"
            + "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
          resolvers: [{ socket_address: { address: "127.0.0.1", port_value: port } }],
          query_timeout_seconds: 1, query_tries: 1,
        },
      },
    });
  }
  return stringify(value);
}

describe.skipIf(reason)(`a name that stops resolving${reason}`, () => {
  let backend: FaultyBackend;
  let resolver: Resolver;
  let envoy: RunningEnvoy;
  let address: string;

  beforeAll(async () => {
    backend = await startFaulty("one");
    resolver = await startResolver();
    const { port } = backend.address;
    const named = {
      ...cluster("one", []),
      endpoints: { kind: "dns", hostname: "gone.example", port } as const,
    };
    const routed = ir([withRoutes(gatewayPort("gw", 80), { "": [[0, 1]] })], [named]);
    envoy = await startEnvoy({ config: asking(staticConfig(routed), resolver.port) });
    address = (await envoy.admin.listeners()).get("demo/gw:80")!;
  });

  afterAll(async () => {
    await envoy?.stop();
    resolver?.close();
    await backend?.close();
  });

  const statusAfter = async (mode: Mode): Promise<number> => {
    resolver.set(mode);
    // What was asked under the old mode is answered by then.
    await until(() => resolver.asked >= 3);
    return (await ask(address)).status;
  };

  test("resolves at first", async () => {
    expect(await statusAfter("address")).toBe(200);
  });

  test.each<readonly [Mode, number]>([
    ["server failure", 200], ["silence", 200], ["no such name", 503], ["address", 200],
  ])("%s: %i", async (mode, status) => {
    expect(await statusAfter(mode)).toBe(status);
  });
});
