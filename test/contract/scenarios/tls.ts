// HTTPS listeners: which certificate a connection gets, and which routes.

import { gateway, route, type Scenario } from "../scenario.ts";

const to = (name: string): string => `rules: [{backendRefs: [{name: ${name}, port: 80}]}]`;

const two = gateway(`
  listeners:
    - name: one
      port: 443
      protocol: HTTPS
      hostname: a.example.com
      tls: {certificateRefs: [{name: certificate-a}]}
    - name: wild
      port: 443
      protocol: HTTPS
      hostname: "*.example.org"
      tls: {certificateRefs: [{name: certificate-wild}]}
`);

export const tls: readonly Scenario[] = [
  {
    // "TLS … is required if the Protocol field is HTTPS"; termination is the default.
    name: "an HTTPS listener ends TLS and passes requests on",
    seenBy: "traffic",
    manifests: gateway(`
      listeners:
        - name: https
          port: 443
          protocol: HTTPS
          tls: {certificateRefs: [{name: certificate-any}]}
    `) + route("one", to("v1")),
    requests: [{
      host: "a.example.com", sni: "a.example.com", target: "/x?y", port: 443,
      expect: {
        backend: "v1", certificate: "certificate-any",
        upstream: { path: "/x?y", headers: { "x-forwarded-proto": "https" } },
      },
    }],
  },
  {
    // "the hostname … MUST be matched with the SNI of the connection".
    name: "the server name decides which listener's certificate is shown",
    seenBy: "traffic",
    manifests: two + route("one", to("v1")),
    requests: [
      {
        host: "a.example.com", sni: "a.example.com", target: "/", port: 443,
        expect: { backend: "v1", certificate: "certificate-a" },
      },
      {
        host: "b.example.org", sni: "b.example.org", target: "/", port: 443,
        expect: { backend: "v1", certificate: "certificate-wild" },
      },
    ],
  },
  {
    // The scheme of a redirect without one is the request's own.
    name: "a redirect on an HTTPS listener stays on https",
    seenBy: "traffic",
    manifests: gateway(`
      listeners:
        - name: https
          port: 443
          protocol: HTTPS
          tls: {certificateRefs: [{name: certificate-any}]}
    `) + route("one", `
      rules:
        - filters: [{type: RequestRedirect, requestRedirect: {hostname: b.example.org}}]
    `),
    requests: [{
      host: "a.example.com", sni: "a.example.com", target: "/x", port: 443,
      expect: { status: 302, location: "https://b.example.org/x" },
    }],
  },
];
