// The memory of `fairlead dev --runtime edge`: what swaps and requests leave behind.

import { expect, test } from "vitest";

import { editions } from "../../bench/swap/editions.ts";
import { noiseBytes, soak } from "../../bench/swap/soak.ts";
import { startSubject } from "../../bench/swap/subjects.ts";
import { namedBackend } from "./world.ts";

// Sockets that workerd closes by itself would leave 13 KB a request, 80 MiB here.
test("swaps under load leave memory where it was", { timeout: 120_000 }, async () => {
  const backend = await namedBackend("one");
  const editionOf = editions(100, backend.port);
  const subject = await startSubject("dev-edge", editionOf(0));
  try {
    const { failed, resident: [early = 0, late = 0], requests } = await soak(subject, {
      routes: 100, swaps: 800, connections: 8, marks: [10, 800], editionOf,
      progress: () => undefined,
    });
    expect(failed).toEqual([]);
    expect(early).toBeGreaterThan(2 ** 20);
    expect(late - early, `after ${requests} requests`).toBeLessThan(noiseBytes);
  } finally {
    await subject.stop();
    await backend.close();
  }
});
