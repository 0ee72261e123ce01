// Sixty new tables under load, on everything that tables are swapped in. `npm run bench:swap` is
// the same with a thousand; what workerd keeps of requests shows only in the longer run of
// test/edge/memory.test.ts.

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { editions, type Edition } from "../../bench/swap/editions.ts";
import { soak } from "../../bench/swap/soak.ts";
import { startSubject, subjectNames } from "../../bench/swap/subjects.ts";
import { envoyOrReason } from "./binary.ts";
import { startBackend, type Backend } from "./world.ts";

const { reason } = await envoyOrReason();
const mib = 2 ** 20;

describe.skipIf(reason)(`sixty swaps under load${reason}`, { timeout: 120_000 }, () => {
  let backend: Backend;
  let editionOf: (number: number) => Edition;
  beforeAll(async () => {
    backend = await startBackend("all");
    editionOf = editions(100, backend.address.port);
  });
  afterAll(() => backend.close());

  test.each(subjectNames)("%s loses no request, and memory stays", async (name) => {
    const subject = await startSubject(name, editionOf(0));
    try {
      const { failed, resident, requests } = await soak(subject, {
        routes: 100, swaps: 60, connections: 2, marks: [20, 60], editionOf,
        progress: () => undefined,
      });
      expect(failed).toEqual([]);
      expect(requests).toBeGreaterThan(60);
      expect(resident[1]! - resident[0]!).toBeLessThan(16 * mib);
    } finally {
      await subject.stop();
    }
  });
});
