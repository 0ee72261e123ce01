// A DestinationRule's `tls` as the TLS of a cluster, as Istio gives it to a gateway.

import type { Certificate, ClusterTls, PolicyOrigin, TlsFiles } from "../ir.ts";
import { formatPath } from "../manifest.ts";
import { certificateOf, secretAuthority } from "../resolve/certificates.ts";
import { keyText, type Lookup } from "../resolve/lookup.ts";
import { describe, didYouMean, type Report } from "../resolve/report.ts";
import type { ClientTlsSettings, DataSpec, Resource } from "../resources.ts";
import type { Section } from "./sections.ts";

type TlsSection = Section<ClientTlsSettings>;

/** What a rule says; nothing where it says nothing. */
export type TlsChoice =
  | { readonly kind: "plain"; readonly origin: PolicyOrigin }
  | {
    readonly kind: "tls"; readonly tls: ClusterTls; readonly origin: PolicyOrigin;
    /** The rule brings a client certificate of its own, or forbids one. */
    readonly isMutual: boolean;
  }
  /** Reported: nobody may go there. */
  | { readonly kind: "unusable" };

export interface TlsContext {
  /** The host that is spoken to. */
  readonly host: string;
  /** Secrets are those of the Gateway's namespace. */
  readonly namespace: string;
  readonly look: Pick<Lookup, "secret" | "secretNames">;
  readonly report: Report;
}

/** Whether what the section means depends on whose Gateway it is. */
export function needsSecret(section: TlsSection | undefined): boolean {
  const { mode, credentialName } = section?.value ?? {};
  return Boolean(credentialName) && (mode === "SIMPLE" || mode === "MUTUAL");
}

function sayUnusable(
  { rule, path }: TlsSection, title: string, context: TlsContext, hint?: string,
): undefined {
  context.report.say(rule, [...path, "credentialName"], {
    code: "FL0208", title, effect: "requests for the backend fail",
    ...(hint === undefined ? {} : { label: hint }),
  });
  return undefined;
}

/** `kubernetes://name` is the long form of a name. */
function secretName({ value }: TlsSection): string {
  return (value.credentialName ?? "").replace(/^kubernetes:\/\//, "");
}

function findSecret(section: TlsSection, context: TlsContext): Resource<DataSpec> | undefined {
  const name = secretName(section);
  const { namespace } = context;
  const secret = context.look.secret({ namespace, name });
  return secret ?? sayUnusable(section, `no Secret \`${name}\` in namespace \`${namespace}\`, `
    + "where the Gateway is", context, didYouMean(name, context.look.secretNames(namespace)));
}

function clientOf(section: TlsSection, context: TlsContext): Certificate | undefined {
  const secret = findSecret(section, context);
  if (!secret) return undefined;
  const pair = certificateOf(secret);
  if ("found" in pair) return pair.found;
  return sayUnusable(section,
    `Secret \`${keyText(secret.metadata)}\` cannot be used: ${pair.fault}`, context);
}

/** The Secret `<name>-cacert` comes first, so that keys and authorities can be kept apart. */
function authoritiesOf(
  section: TlsSection, context: TlsContext,
): Pick<ClusterTls, "caCertificates" | "crl"> | undefined {
  const { namespace, look } = context;
  const own = look.secret({ namespace, name: `${secretName(section)}-cacert` })
    ?? findSecret(section, context);
  if (!own) return undefined;
  const found = secretAuthority(own);
  const name = keyText(own.metadata);
  if (!found) {
    return sayUnusable(section,
      `Secret \`${name}\` holds no certificate authority: neither \`ca.crt\` nor \`cacert\``,
      context);
  }
  if ("fault" in found) {
    return sayUnusable(section, `Secret \`${name}\` cannot be used: ${found.fault}`, context);
  }
  const { certificates, crl } = found.found;
  return { caCertificates: certificates, ...(crl === undefined ? {} : { crl }) };
}

/** Istio looks for each name among all kinds; only URIs have a scheme. */
export function sanOf(names: readonly string[]): ClusterTls["subjectAltNames"] {
  return names.map((value) =>
    (value.includes("://") ? { kind: "uri", value } : { kind: "dns", value }));
}

function filesOf(settings: ClientTlsSettings, isMutual: boolean): TlsFiles {
  const { caCertificates, caCrl, clientCertificate, privateKey } = settings;
  const checks = settings.insecureSkipVerify !== true;
  return {
    // Istio's own word for the roots that the proxy's system trusts.
    ...(checks && caCertificates && caCertificates !== "system" ? { caCertificates } : {}),
    ...(checks && caCrl ? { caCrl } : {}),
    ...(isMutual && clientCertificate ? { clientCertificate } : {}),
    ...(isMutual && privateKey ? { privateKey } : {}),
  };
}

/** Whom the connection is to, before the question of certificates. */
function nameOf(settings: ClientTlsSettings, host: string): ClusterTls {
  const skips = settings.insecureSkipVerify === true;
  return {
    hostname: settings.sni || host,
    subjectAltNames: sanOf(settings.subjectAltNames ?? []),
    ...(settings.sni ? {} : { autoSni: true }),
    ...(skips ? { insecureSkipVerify: true } : {}),
    // With an SNI of its own and no names Istio checks the authority alone.
    ...(settings.sni && !skips && !settings.subjectAltNames?.length ? { anyName: true } : {}),
  };
}

function credentials(
  section: TlsSection, isMutual: boolean, context: TlsContext,
): Partial<ClusterTls> | undefined {
  const client = isMutual ? clientOf(section, context) : undefined;
  if (isMutual && !client) return undefined;
  const authorities = section.value.insecureSkipVerify === true
    ? {} : authoritiesOf(section, context);
  return authorities && { ...authorities, ...(client ? { client } : {}) };
}

export function tlsChoice(
  section: TlsSection | undefined, context: TlsContext,
): TlsChoice | undefined {
  if (!section) return undefined;
  const { value: settings, rule, path } = section;
  const { mode = "DISABLE" } = settings;
  const origin = { resource: describe(rule), path: formatPath(path), span: rule.manifest.at(path) };
  if (mode === "DISABLE") return { kind: "plain", origin };
  const name = nameOf(settings, context.host);
  if (mode === "ISTIO_MUTUAL") {
    return { kind: "tls", origin, isMutual: true, tls: { ...name, mesh: true } };
  }
  const isMutual = mode === "MUTUAL";
  if (settings.credentialName) {
    const found = credentials(section, isMutual, context);
    return found
      ? { kind: "tls", origin, isMutual, tls: { ...name, ...found } } : { kind: "unusable" };
  }
  const files = filesOf(settings, isMutual);
  if (isMutual && !(files.clientCertificate && files.privateKey)) {
    sayUnusable(section, "the mode is MUTUAL, and no client certificate is named", context);
    return { kind: "unusable" };
  }
  const named = Object.keys(files).length > 0 ? { files } : {};
  return { kind: "tls", origin, isMutual, tls: { ...name, ...named } };
}
