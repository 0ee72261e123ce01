// One listener: the route kinds it takes, whether it can serve, and its conditions.

import type { Certificate, ListenerTls } from "../ir.ts";
import type {
  FrontendTlsConfig, GatewaySpec, Listener, ListenerSetSpec, ObjectKey, Resource,
} from "../resources.ts";
import { joinPem } from "./certificates.ts";
import { conflictMessage, type Conflict, type ListenerDraft } from "./conflicts.ts";
import { canonicalHost } from "./hostname.ts";
import { gatewayGroup, keyText, type Lookup } from "./lookup.ts";
import { followAuthority, followCertificate, sift, type Fault } from "./references.ts";
import { list, type Report } from "./report.ts";
import type { Condition, ResolvedListener, RouteKind } from "./resolved.ts";

const kindsByProtocol: Readonly<Record<string, readonly RouteKind[]>> = {
  HTTP: ["HTTPRoute", "GRPCRoute"],
  HTTPS: ["HTTPRoute", "GRPCRoute"],
  TLS: ["TLSRoute"],
  TCP: ["TCPRoute"],
  UDP: ["UDPRoute"],
};

/** The first thing that keeps a condition from being true. */
interface Flaw {
  readonly reason: string;
  readonly message: string;
}

interface Judged {
  readonly draft: ListenerDraft;
  readonly look: Lookup;
  readonly report: Report;
}

interface GroupKind {
  readonly group: string;
  readonly kind: string;
}

function routeKinds(
  { draft, report }: Judged,
): { readonly kinds: readonly RouteKind[]; readonly flaw?: Flaw } {
  const { protocol, allowedRoutes } = draft.spec;
  const able = kindsByProtocol[protocol] ?? [];
  const asked = allowedRoutes.kinds ?? [];
  if (asked.length === 0 || able.length === 0) return { kinds: able };
  const takes = (ask: GroupKind, kind: RouteKind): boolean =>
    ask.group === gatewayGroup && ask.kind === kind;
  asked.forEach((ask, index) => {
    if (able.some((kind) => takes(ask, kind))) return;
    report.say(draft.owner, ["spec", "listeners", draft.index, "allowedRoutes", "kinds", index], {
      code: "FL0502",
      title: `a listener of protocol \`${protocol}\` takes no routes of kind \`${ask.kind}\``,
      effect: "no route of that kind attaches to it",
      help: `it takes ${list(able)}`,
    });
  });
  const bad = asked.filter((ask) => !able.some((kind) => takes(ask, kind)));
  const kinds = able.filter((kind) => asked.some((ask) => takes(ask, kind)));
  if (bad.length === 0) return { kinds };
  const names = list(bad.map((b) => b.kind));
  const message = `protocol ${protocol} does not take routes of kind ${names}`;
  return { kinds, flaw: { reason: "InvalidRouteKinds", message } };
}

/** Says a fault of a reference once, unless the referent's own document is the cause. */
function sayFault(
  { draft, report }: Judged, owner: Resource, path: readonly (string | number)[], fault: Fault,
): void {
  if (fault.known) return;
  report.say(owner, path, {
    code: "FL0208",
    title: fault.message,
    effect: `TLS handshakes with listener \`${draft.spec.name}\` fail`,
    ...(fault.help ? { help: fault.help } : {}),
  });
}

function endsTls({ protocol, tls }: Listener): boolean {
  return protocol === "HTTPS" || (protocol === "TLS" && tls?.mode !== "Passthrough");
}

/** Terminating TLS takes a certificate. Absent: it is not terminated here. */
function certificates(
  judged: Judged,
): { readonly flaw?: Flaw; readonly usable?: readonly Certificate[] } {
  const { draft, look, report } = judged;
  const { tls, name } = draft.spec;
  if (!endsTls(draft.spec)) return {};
  const refs = tls?.certificateRefs ?? [];
  if (refs.length === 0) {
    const message = `listener \`${name}\` terminates TLS but names no certificate`;
    report.say(draft.owner, ["spec", "listeners", draft.index], {
      code: "FL0208", title: message, effect: "TLS handshakes with it fail",
      help: "name a Secret of type `kubernetes.io/tls` in `tls.certificateRefs`",
    });
    return { flaw: { reason: "InvalidCertificateRef", message }, usable: [] };
  }
  const { found, faults } = sift(refs.map((ref) => followCertificate(look, draft.owner, ref)));
  faults.forEach((fault, index) => {
    const path = ["spec", "listeners", draft.index, "tls", "certificateRefs", index, "name"];
    if (fault) sayFault(judged, draft.owner, path, fault);
  });
  const first = faults.find((fault) => fault !== undefined);
  if (!first) return { usable: found };
  const reason = first.cause === "grant" ? "RefNotPermitted" : "InvalidCertificateRef";
  return { flaw: { reason, message: first.message }, usable: found };
}

/** What the Gateway asks of clients' certificates on this listener's port. */
function frontend(
  gateway: Resource<GatewaySpec>, listener: Listener,
): { readonly config?: FrontendTlsConfig; readonly path: readonly (string | number)[] } {
  const settings = gateway.spec.tls?.frontend;
  const path = ["spec", "tls", "frontend"];
  if (!settings || listener.protocol !== "HTTPS") return { path };
  const index = (settings.perPort ?? []).findIndex((p) => p.port === listener.port);
  const override = settings.perPort?.[index];
  if (override) return { config: override.tls, path: [...path, "perPort", index, "tls"] };
  return { config: settings.default, path: [...path, "default"] };
}

const authorityReasons: Readonly<Record<Fault["cause"], string>> = {
  kind: "InvalidCACertificateKind",
  grant: "RefNotPermitted",
  missing: "InvalidCACertificateRef",
  malformed: "InvalidCACertificateRef",
};

function clientAuthorities(
  judged: Judged, gateway: Resource<GatewaySpec>,
): { readonly flaw?: Flaw; readonly none: boolean; readonly clients?: ListenerTls["clients"] } {
  const { config, path } = frontend(gateway, judged.draft.spec);
  const refs = config?.validation?.caCertificateRefs ?? [];
  const { found, faults } = sift(refs.map((ref) => followAuthority(judged.look, gateway, ref)));
  faults.forEach((fault, index) => {
    const at = [...path, "validation", "caCertificateRefs", index, "name"];
    if (fault) sayFault(judged, gateway, at, fault);
  });
  const first = faults.find((fault) => fault !== undefined);
  const required = config?.validation?.mode !== "AllowInsecureFallback";
  const trusted = found.length > 0
    ? { clients: { caCertificates: joinPem(found), required } } : {};
  if (!first) return { none: false, ...trusted };
  const flaw = { reason: authorityReasons[first.cause], message: first.message };
  return { flaw, none: found.length === 0, ...trusted };
}

function acceptance(
  { draft, report }: Judged, conflict: Conflict | undefined, authority: Flaw | undefined,
): Flaw | undefined {
  const { protocol, name } = draft.spec;
  if (!kindsByProtocol[protocol]) {
    const able = list(Object.keys(kindsByProtocol));
    report.say(draft.owner, ["spec", "listeners", draft.index, "protocol"], {
      code: "FL0502", title: `protocol \`${protocol}\` is not supported`,
      effect: `listener \`${name}\` serves no requests`, help: `supported are ${able}`,
    });
    return { reason: "UnsupportedProtocol", message: `protocol ${protocol} is not one of ${able}` };
  }
  if (conflict) return { reason: conflict.reason, message: conflictMessage(draft, conflict) };
  return authority && { reason: "NoValidCACertificate", message: authority.message };
}

function condition(
  type: string, flaw: Flaw | undefined, reason: string, message: string,
): Condition {
  return flaw ? { type, status: "False", ...flaw } : { type, status: "True", reason, message };
}

/** `overlaps`: the names of listeners on its port whose hostnames share names with it. */
export function resolveListener(
  draft: ListenerDraft, gateway: Resource<GatewaySpec>, conflict: Conflict | undefined,
  overlaps: readonly string[], look: Lookup, report: Report,
): ResolvedListener {
  const judged = { draft, look, report };
  const { owner, spec, index } = draft;
  const { kinds, flaw: kindFlaw } = routeKinds(judged);
  const { flaw: certificateFlaw, usable } = certificates(judged);
  const { flaw: authorityFlaw, none, clients } = clientAuthorities(judged, gateway);
  const refused = acceptance(judged, conflict, none ? authorityFlaw : undefined);
  const unresolved = certificateFlaw ?? authorityFlaw ?? kindFlaw;
  const unable = usable?.length !== 0 && kinds.length > 0 ? undefined : unresolved;
  const stopped = refused ?? (unable && { reason: "Invalid", message: unable.message });
  const conditions: Condition[] = [
    condition("Accepted", refused, "Accepted", "the listener is valid"),
    condition("Programmed", stopped && {
      reason: conflict ? stopped.reason : "Invalid", message: stopped.message,
    }, "Programmed", "the listener is part of the configuration"),
    condition("ResolvedRefs", unresolved, "ResolvedRefs", "all references are resolved"),
    conflict
      ? { type: "Conflicted", status: "True", reason: conflict.reason,
        message: conflictMessage(draft, conflict) }
      : { type: "Conflicted", status: "False", reason: "NoConflicts", message: "no conflicts" },
  ];
  if (overlaps.length > 0) {
    conditions.push({ type: "OverlappingTLSConfig", status: "True", reason: "OverlappingHostnames",
      message: `its hostname overlaps with that of ${list(overlaps)} on port ${spec.port}` });
  }
  const key = keyText(owner.metadata);
  return {
    id: `${owner.kind}/${key}/${spec.name}`,
    label: owner.kind === "Gateway" ? spec.name : `${key}/${spec.name}`,
    owner, gateway: gatewayKey(gateway), index, spec, hostname: canonicalHost(spec.hostname),
    supportedKinds: kinds, accepted: !refused, programmed: !stopped, resolvedRefs: !unresolved,
    ...(usable ? { tls: { certificates: usable, ...(clients ? { clients } : {}) } } : {}),
    conditions,
  };
}

export function gatewayKey(resource: Resource<GatewaySpec> | Resource<ListenerSetSpec>): ObjectKey {
  return { namespace: resource.metadata.namespace, name: resource.metadata.name };
}
