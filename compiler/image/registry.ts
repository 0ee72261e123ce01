// An image to a registry (OCI distribution specification 1.1, "Push"). Blobs that are there already
// are not sent again; the manifest comes last, so that nobody sees half an image. What may pass by
// itself, a broken connection or a 5xx, is tried again.

import { EnvHttpProxyAgent, interceptors, type Dispatcher } from "undici";

import { authorize, loginHint, readChallenge } from "./authorization.ts";
import type { Credentials } from "./credentials.ts";
import type { Blob, Image } from "./image.ts";
import type { ImageReference } from "./reference.ts";
import { RegistryError } from "./registry-error.ts";

export interface PushOptions {
  readonly credentials?: Credentials | undefined;
  /** PEM certificates of authorities that are trusted beside the public ones. */
  readonly caCertificates?: string | undefined;
  readonly signal?: AbortSignal;
  /** Milliseconds before the first retry; each further one waits twice as long. Default 500. */
  readonly retryAfterMs?: number;
}

export interface Pushed {
  readonly digest: string;
  /** Blobs that were sent; the others were there. */
  readonly sentCount: number;
}

interface Session {
  readonly reference: ImageReference;
  readonly origin: string;
  readonly dispatcher: Dispatcher;
  readonly options: PushOptions;
  authorization: string | undefined;
}

/** Throws `RegistryError` where it cannot be done. */
export async function pushImage(
  image: Image, reference: ImageReference, options: PushOptions = {},
): Promise<Pushed> {
  const agent = new EnvHttpProxyAgent({ connect: { ca: await authorities(options) } });
  try {
    const origin = await findOrigin(reference.registry, agent);
    const session: Session = {
      reference, origin, options, authorization: undefined, dispatcher: retrying(agent, options),
    };
    let sentCount = 0;
    for (const blob of image.blobs) if (await pushBlob(blob, session)) sentCount += 1;
    const path = `/v2/${reference.repository}/manifests/${reference.tag}`;
    const { mediaType, bytes, digest } = image.manifest;
    const answer = await send(session, new URL(path, origin), {
      method: "PUT", headers: { "content-type": mediaType }, body: bytes,
    });
    await expectStatus(answer, [201], "the manifest", session);
    const stored = answer.headers["docker-content-digest"];
    if (typeof stored === "string" && stored !== digest) {
      throw new RegistryError(`${reference.registry} stored another manifest: ${stored}`);
    }
    return { digest, sentCount };
  } catch (error) {
    throw explained(error, reference.registry);
  } finally {
    await agent.destroy();
  }
}

/** An own list takes the place of the public one, hence both. */
async function authorities({ caCertificates }: PushOptions): Promise<string[] | undefined> {
  if (caCertificates === undefined) return undefined;
  const { rootCertificates } = await import("node:tls");
  return [...rootCertificates, caCertificates];
}

function retrying(agent: Dispatcher, { retryAfterMs = 500 }: PushOptions): Dispatcher {
  return agent.compose(interceptors.retry({
    maxRetries: 4,
    minTimeout: retryAfterMs,
    methods: ["GET", "HEAD", "POST", "PUT"],
    statusCodes: [429, 500, 502, 503, 504],
    throwOnError: false,
  }));
}

function isLoopback(registry: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i.test(registry);
}

/**
 * Registries speak TLS. One on this machine alone may go without, as for Docker; whether it does
 * is found out by asking.
 */
async function findOrigin(registry: string, agent: Dispatcher): Promise<string> {
  const secure = `https://${registry}`;
  if (!isLoopback(registry)) return secure;
  try {
    const answer = await agent.request({ origin: secure, path: "/v2/", method: "GET" });
    await answer.body.dump();
    return secure;
  } catch (error) {
    const isNoTls = /WRONG_VERSION_NUMBER|PACKET_LENGTH|ECONNRESET|EPROTO|UND_ERR_SOCKET/.test(
      codesOf(error).join(" "));
    return isNoTls ? `http://${registry}` : secure;
  }
}

type Sent = Dispatcher.ResponseData;

interface Message {
  readonly method: "GET" | "HEAD" | "POST" | "PUT";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/** Meets one challenge. Nobody but the registry itself gets the user's credentials. */
async function send(session: Session, url: URL, message: Message): Promise<Sent> {
  const first = await sendOnce(session, url, message);
  if (first.statusCode !== 401 || url.origin !== session.origin) return first;
  const challenge = readChallenge(first.headers["www-authenticate"]);
  await first.body.dump();
  const { registry, repository } = session.reference;
  if (!challenge) throw new RegistryError(`${registry} refuses us and does not say what it wants`);
  const request = {
    registry, repository, isPlainText: session.origin.startsWith("http:"),
    credentials: session.options.credentials,
  };
  session.authorization = await authorize(challenge, request, session.dispatcher);
  return sendOnce(session, url, message);
}

function sendOnce(session: Session, url: URL, { method, headers, body }: Message): Promise<Sent> {
  const { authorization, options: { signal } } = session;
  const isOwn = url.origin === session.origin;
  return session.dispatcher.request({
    origin: url.origin,
    path: url.pathname + url.search,
    method,
    headers: { ...headers, ...(isOwn && authorization !== undefined && { authorization }) },
    ...(body && { body }),
    ...(signal && { signal }),
  });
}

/** True where it had to be sent. */
async function pushBlob({ digest, bytes }: Blob, session: Session): Promise<boolean> {
  const { reference: { repository, registry }, origin } = session;
  const blobs = `/v2/${repository}/blobs`;
  const known = await send(session, new URL(`${blobs}/${digest}`, origin), { method: "HEAD" });
  await known.body.dump();
  // Some answer with where the bytes are.
  if (known.statusCode === 200 || known.statusCode === 307) return false;
  const started = await send(session, new URL(`${blobs}/uploads/`, origin), { method: "POST" });
  await expectStatus(started, [202], "a blob", session);
  const { location } = started.headers;
  if (typeof location !== "string") {
    throw new RegistryError(`${registry} does not say where a blob is to go`);
  }
  const place = new URL(location, origin);
  place.searchParams.set("digest", digest);
  const ended = await send(session, place, {
    method: "PUT", headers: { "content-type": "application/octet-stream" }, body: bytes,
  });
  await expectStatus(ended, [201], "a blob", session);
  return true;
}

async function expectStatus(
  { statusCode, body }: Sent, wanted: readonly number[], what: string, session: Session,
): Promise<void> {
  const text = await body.text();
  if (wanted.includes(statusCode)) return;
  const { registry, repository } = session.reference;
  const said = firstError(text);
  const isRefusal = statusCode === 401 || statusCode === 403;
  throw new RegistryError(
    `${registry} does not take ${what} for \`${repository}\`: ${statusCode}${said}`,
    isRefusal ? loginHint(registry) : undefined);
}

/** The distribution specification's `{errors: [{code, message}]}`. */
function firstError(text: string): string {
  try {
    const { errors } = JSON.parse(text) as { errors?: { code?: string; message?: string }[] };
    const { code = "", message = "" } = errors?.[0] ?? {};
    return ` ${[code, message].filter((part) => part !== "").join(", ")}`.trimEnd();
  } catch {
    return "";
  }
}

function codesOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return [];
  const { code } = error as NodeJS.ErrnoException;
  const inner = error instanceof AggregateError ? error.errors : [error.cause];
  return [...(code === undefined ? [] : [code]), ...inner.flatMap(codesOf)];
}

function explained(error: unknown, registry: string): unknown {
  if (error instanceof RegistryError) return error;
  const codes = codesOf(error);
  if (codes.length === 0) return error;
  const isTrust = codes.some((c) => /SELF_SIGNED|UNABLE_TO|CERT_|ALTNAME/.test(c));
  const hint = isTrust ? "name its certificate authority with `--ca FILE`" : undefined;
  return new RegistryError(`${registry} cannot be reached: ${codes.join(", ")}`, hint);
}
