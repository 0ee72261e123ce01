// Pinned splits. The Gateway API has no field for them, so a route asks by an annotation of ours:
//
//   metadata:
//     annotations:
//       fairlead.dev/pin: "header: x-user"   # or "cookie: uid"
//
// Requests with the same value of that header or cookie then go to the same backend of a weighted
// split, in every rule of the route that has one; requests without it go round as ever.

import type { Pin } from "../ir.ts";
import type { Report } from "../resolve/report.ts";
import type { Resource } from "../resources.ts";

export const pinAnnotation = "fairlead.dev/pin";

/** A token of RFC 9110, which the names of headers and of cookies are. */
const asked = /^\s*(header|cookie)\s*:\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*$/;

export function pinOf(route: Resource, report: Report): Pin | undefined {
  const text = route.metadata.annotations?.[pinAnnotation];
  if (text === undefined) return undefined;
  const [, kind, name = ""] = asked.exec(text) ?? [];
  if (kind === "header") return { kind, name: name.toLowerCase() };
  if (kind === "cookie") return { kind, name };
  report.say(route, ["metadata", "annotations", pinAnnotation], {
    code: "FL0405", title: `\`${text}\` names neither a header nor a cookie`,
    effect: "the route's splits are not pinned", help: "write `header: x-user` or `cookie: uid`",
  });
  return undefined;
}
