// The Gateway API's own report form (gateway.networking.k8s.io/v1 ConformanceReport) out of one
// runtime's verdicts. How tests fall to profiles and levels is the suite's way (GEP-1709): a test
// belongs to every profile that has all its features, and is extended where any of them is.

import type { Data, Feature } from "./data.ts";
import type { Judged } from "./merge.ts";

interface Status {
  readonly result: "success" | "partial" | "failure";
  readonly statistics: {
    readonly Failed: number; readonly Passed: number; readonly Skipped: number;
  };
  readonly failedTests?: readonly string[];
  readonly skippedTests?: readonly string[];
}

interface ExtendedStatus extends Status {
  readonly supportedFeatures?: readonly string[];
  readonly unsupportedFeatures?: readonly string[];
}

export interface ProfileReport {
  readonly core: Status;
  readonly extended?: ExtendedStatus;
  readonly name: string;
  readonly summary: string;
}

export interface ConformanceReport {
  readonly apiVersion: "gateway.networking.k8s.io/v1";
  readonly date: string;
  readonly gatewayAPIChannel: string;
  readonly gatewayAPIVersion: string;
  readonly implementation: Implementation;
  readonly kind: "ConformanceReport";
  readonly mode: string;
  readonly profiles: readonly ProfileReport[];
  readonly succeededProvisionalTests?: readonly string[];
}

export interface Implementation {
  readonly contact: readonly string[];
  readonly organization: string;
  readonly project: string;
  readonly url: string;
  readonly version: string;
}

interface Profile {
  readonly name: string;
  readonly core: readonly string[];
  /** Kinds whose features it has as extended ones. */
  readonly resources: readonly string[];
}

const everyGateway = ["Gateway", "ReferenceGrant"] as const;

export const profiles: readonly Profile[] = [
  {
    name: "GATEWAY-HTTP", core: [...everyGateway, "HTTPRoute"],
    resources: ["Gateway", "HTTPRoute", "BackendTLSPolicy"],
  },
  {
    name: "GATEWAY-GRPC", core: [...everyGateway, "GRPCRoute"],
    resources: ["Gateway", "GRPCRoute", "BackendTLSPolicy"],
  },
  {
    name: "GATEWAY-TLS", core: [...everyGateway, "TLSRoute"],
    resources: ["Gateway", "TLSRoute", "BackendTLSPolicy"],
  },
  { name: "GATEWAY-TCP", core: [...everyGateway, "TCPRoute"], resources: ["Gateway"] },
  { name: "GATEWAY-UDP", core: [...everyGateway, "UDPRoute"], resources: ["Gateway"] },
];

function statusOf(tests: readonly Judged[]): Status {
  const named = (verdict: Judged["verdict"]): readonly string[] =>
    tests.filter((t) => t.verdict === verdict).map(({ name }) => name).sort();
  const [failed, skipped, passed] = [named("fail"), named("skip"), named("pass")];
  return {
    result: failed.length > 0 ? "failure" : skipped.length > 0 ? "partial" : "success",
    statistics: { Failed: failed.length, Passed: passed.length, Skipped: skipped.length },
    ...(failed.length > 0 && { failedTests: failed }),
    ...(skipped.length > 0 && { skippedTests: skipped }),
  };
}

function told({ result, statistics }: Status): string {
  if (result === "failure") return `failed with ${statistics.Failed} test failures`;
  if (result === "success") return "succeeded";
  return `partially succeeded with ${statistics.Skipped} test skips`;
}

function extendedFeatures({ core, resources }: Profile, features: readonly Feature[]): string[] {
  return features.filter(({ name, resource }) =>
    resources.includes(resource) && !core.includes(name)).map(({ name }) => name).sort();
}

function profileReport(
  profile: Profile, data: Data, tests: readonly Judged[], claimed: ReadonlySet<string>,
): ProfileReport {
  const { core, name } = profile;
  const features = extendedFeatures(profile, data.features);
  const known = new Set([...core, ...features]);
  const own = tests.filter((t) => t.verdict !== "unsupported"
    && t.features.every((feature) => known.has(feature)));
  const isCore = (test: Judged): boolean => test.features.every((f) => core.includes(f));
  const coreStatus = statusOf(own.filter(isCore));
  const extendedTests = own.filter((test) => !isCore(test));
  const supported = features.filter((feature) => claimed.has(feature));
  const unsupported = features.filter((feature) => !claimed.has(feature));
  const extended: ExtendedStatus | undefined = extendedTests.length === 0 ? undefined : {
    ...statusOf(extendedTests),
    ...(supported.length > 0 && { supportedFeatures: supported }),
    ...(unsupported.length > 0 && { unsupportedFeatures: unsupported }),
  };
  const summary = `Core tests ${told(coreStatus)}.`
    + (extended === undefined ? "" : ` Extended tests ${told(extended)}.`);
  return { core: coreStatus, ...(extended && { extended }), name, summary };
}

export interface ReportFacts {
  readonly implementation: Implementation;
  readonly date: string;
  readonly version: string;
  readonly channel: string;
  readonly claimed: ReadonlySet<string>;
}

/** A profile is in it where all its core features are claimed. */
export function conformanceReport(
  data: Data, tests: readonly Judged[], facts: ReportFacts,
): ConformanceReport {
  const { claimed } = facts;
  const provisional = tests.filter((t) => t.provisional && t.verdict === "pass")
    .map(({ name }) => name).sort();
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    date: facts.date,
    gatewayAPIChannel: facts.channel,
    gatewayAPIVersion: facts.version,
    implementation: facts.implementation,
    kind: "ConformanceReport",
    mode: "default",
    profiles: profiles
      .filter(({ core }) => core.every((feature) => claimed.has(feature)))
      .map((profile) => profileReport(profile, data, tests, claimed)),
    ...(provisional.length > 0 && { succeededProvisionalTests: provisional }),
  };
}
