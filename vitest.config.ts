import { defineConfig } from "vitest/config";

/** Tests that start Envoy or workerd: one file at a time, after the others. */
const system = [
  "test/conformance/**", "test/console/**", "test/contract/**", "test/dev/**", "test/edge/**",
  "test/envoy/**", "test/faults/**", "test/mesh/**", "test/package/**", "test/scenario/**",
  "test/start/**",
].map((folder) => `${folder}/*.test.ts`);

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 60_000,
    globalSetup: ["test/build.ts"],
    reporters: ["default", "./test/summary.ts"],
    projects: [
      {
        extends: true,
        test: {
          name: "plain",
          include: ["test/**/*.test.ts"],
          exclude: system,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: "system",
          include: system,
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
