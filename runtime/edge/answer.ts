// Answers of the gateway's own.

/** gRPC over HTTP is told by its content type; gRPC-Web is something else. */
export function isGrpc(request: Request): boolean {
  return request.method === "POST"
    && /^application\/grpc(?:$|[+;])/i.test(request.headers.get("content-type") ?? "");
}

/** https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md, as Envoy has it. */
const grpcStatuses: Readonly<Record<number, number>> = {
  400: 13, 401: 16, 403: 7, 404: 12, 429: 14, 502: 14, 503: 14, 504: 14,
};
const grpcUnknown = 2;

/** To a gRPC client an answer is a 200 with its status beside it. `text` is one line. */
export function answer(
  request: Request,
  status: number,
  text = "",
  fields?: Readonly<Record<string, string>>,
): Response {
  // Building `Headers` costs as much as the answer itself.
  if (text === "" && !isGrpc(request)) {
    return new Response(null, fields === undefined ? { status } : { status, headers: fields });
  }
  const headers = new Headers(fields);
  if (isGrpc(request)) return grpcAnswer(grpcStatuses[status] ?? grpcUnknown, text, headers);
  headers.set("content-type", "text/plain");
  return new Response(`${text}\n`, { status, headers });
}

function grpcAnswer(status: number, text: string, headers: Headers): Response {
  headers.set("content-type", "application/grpc");
  headers.set("grpc-status", String(status));
  if (text !== "") headers.set("grpc-message", encodeURI(text).replaceAll("%20", " "));
  return new Response(null, { status: 200, headers });
}

/** A call that would lose its status on the way back. */
export function refuseGrpc(): Response {
  const text = "the edge platform drops trailers, which carry the status of a gRPC call; "
    + "serve GRPCRoutes with Envoy";
  return grpcAnswer(12, text, new Headers());
}
