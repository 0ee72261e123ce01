// Cookies as Envoy reads and writes them: quotes around a value do not belong to it.

/** Null where there is none of that name; of several the first counts. */
export function cookieOf(text: string | null, name: string): string | null {
  for (const pair of (text ?? "").split(";")) {
    const equals = pair.indexOf("=");
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    return pair.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1");
  }
  return null;
}

export interface CookieScope {
  /** Without it the cookie ends with the client's session. */
  readonly maxAgeSeconds?: number | undefined;
  readonly path?: string | undefined;
  readonly attributes?: readonly { readonly name: string; readonly value: string }[] | undefined;
}

/** A `set-cookie` value. */
export function setCookie(
  name: string, value: string, { maxAgeSeconds, path = "", attributes = [] }: CookieScope,
): string {
  return [
    `${name}="${value}"`,
    ...(maxAgeSeconds === undefined ? [] : [`Max-Age=${maxAgeSeconds}`]),
    ...(path === "" ? [] : [`Path=${path}`]),
    ...attributes.map((a) => (a.value === "" ? a.name : `${a.name}=${a.value}`)),
    "HttpOnly",
  ].join("; ");
}
