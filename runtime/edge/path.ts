// The one normal form of a request target, in which paths are matched and forwarded. It is Envoy's
// (`normalize_path`, slashes neither merged nor unescaped), so that both runtimes match the same
// text. Measured on Envoy 1.40 for every byte; test/edge/path.test.ts keeps the table.
//
//   dot segments        resolved, also where escaped (%2e) or with a parameter (`..;x`)
//   backslashes         slashes, in the path
//   %41, %7e, …         escaped letters, digits and -._~ are unescaped, in the path
//   " < > ^ ` { | }     escaped, in the path
//   everything else     as it was: other escapes and their case, `//`, and the whole query
//   no target           controls, bytes from 0x7F on, `#`, and %00 in the path
//
// workerd resolves plain dot segments itself and leaves the rest as the client wrote it. The public
// platform may normalise more before a worker sees the URL; what it undoes is undone here as well.

const illegal = /[^\x21-\x7e]|#/;
const special = /[%\\"<>^`{|}]|\/\.|[^\x21-\x7e]|#/;
const dotSegment = /(?:^|[/\\])\.{1,2}(?=$|[/\\])/;
const unreserved = /[A-Za-z0-9\-._~]/;

/** The normal form, or undefined where the text is no request target in origin form. */
export function normalTarget(target: string): string | undefined {
  const mark = target.indexOf("?");
  const path = mark < 0 ? target : target.slice(0, mark);
  if (mark >= 0 && illegal.test(target)) return undefined;
  if (!special.test(path)) return target;
  if (illegal.test(path) || path.includes("%00")) return undefined;
  const normal = resolveDots(unescape(withoutDotParameters(path)));
  return mark < 0 ? normal : normal + target.slice(mark);
}

/** Before anything is unescaped, and by slashes alone: so Envoy has it. */
function withoutDotParameters(path: string): string {
  return path.includes(";") ? path.replace(/\/(\.\.?);[^/]*/g, "/$1") : path;
}

function unescape(path: string): string {
  return path.replace(/%[0-9A-Fa-f]{2}|[\\"<>^`{|}]/g, (found) => {
    if (found === "\\") return "/";
    if (found.length === 1) return `%${found.charCodeAt(0).toString(16).toUpperCase()}`;
    const character = String.fromCharCode(parseInt(found.slice(1), 16));
    return unreserved.test(character) ? character : found;
  });
}

/** RFC 3986, section 5.2.4. */
function resolveDots(path: string): string {
  if (!dotSegment.test(path)) return path;
  const segments = path.slice(1).split("/");
  const kept: string[] = [];
  segments.forEach((segment, index) => {
    const isDots = segment === "." || segment === "..";
    if (segment === "..") kept.pop();
    if (!isDots) kept.push(segment);
    else if (index === segments.length - 1) kept.push("");
  });
  return `/${kept.join("/")}`;
}
