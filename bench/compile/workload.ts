// What is compiled: an organisation's manifests as people write them, in YAML, a folder for each
// team and in it a file for each application with its HTTPRoute, Service and EndpointSlice.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** As many as the schema allows in one HTTPRoute. */
const rulesPerApp = 16;
const appsPerTeam = 50;

/** Writes manifests with `rules` rules in all; returns the paths of the applications' files. */
export function writeManifests(folder: string, rules: number): readonly string[] {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "gateway.yaml"), gateway);
  const apps = Math.ceil(rules / rulesPerApp);
  return Array.from({ length: apps }, (_, app) => {
    const team = join(folder, teamOf(app));
    if (app % appsPerTeam === 0) mkdirSync(team, { recursive: true });
    const path = join(team, `app-${digits(app)}.yaml`);
    writeFileSync(path, application(app, Math.min(rulesPerApp, rules - app * rulesPerApp)));
    return path;
  });
}

/** The first rule of an application's file as a redirect of `/edited` to `/to-<edit>`. */
export function edited(text: string, edit: number): string {
  const start = text.indexOf("    - matches:");
  const next = text.indexOf("    - matches:", start + 1);
  const end = next < 0 ? text.indexOf("---", start) : next;
  return `${text.slice(0, start)}    - matches:
        - path:
            type: Exact
            value: /edited
      filters:
        - type: RequestRedirect
          requestRedirect:
            path:
              type: ReplaceFullPath
              replaceFullPath: /to-${edit}
${text.slice(end)}`;
}

export function hostOf(app: number): string {
  return `app-${digits(app)}.example.com`;
}

/**
 * An application that sorts among the first, so that with it or without it nearly every cluster
 * has another index.
 */
export function addedApplication(folder: string): {
  readonly path: string; readonly text: string; readonly exists: boolean;
} {
  const path = join(folder, teamOf(0), "added.yaml");
  const name = `app-${digits(0)}`;
  const text = application(0, 1).replaceAll(name, `${name}-added`);
  return { path, text, exists: existsSync(path) };
}

/** The Gateway with its listener called `web` where it was `http`, and the other way round. */
export function renamedListener(text: string): string {
  return text.replace(/name: (http|web)\n/, (_, name) =>
    `name: ${name === "http" ? "web" : "http"}\n`);
}

function teamOf(app: number): string {
  return `team-${digits(Math.floor(app / appsPerTeam))}`;
}

function digits(value: number): string {
  return String(value).padStart(5, "0");
}

const gateway = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata:
  name: public
  namespace: infra
spec:
  gatewayClassName: fairlead
  listeners:
    - name: http
      protocol: HTTP
      port: 80
      allowedRoutes:
        namespaces:
          from: All
`;

function application(app: number, rules: number): string {
  const name = `app-${digits(app)}`;
  const namespace = teamOf(app);
  const metadata = `metadata:\n  name: ${name}\n  namespace: ${namespace}\n`;
  const kinds = Array.from({ length: rules }, (_, rule) => ruleText(name, rule));
  return `# ${name}: what ${namespace} serves to customers.
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
${metadata}spec:
  parentRefs:
    - name: public
      namespace: infra
  hostnames:
    - ${name}.example.com
  rules:
${kinds.join("")}---
apiVersion: v1
kind: Service
${metadata}spec:
  selector:
    app: ${name}
  ports:
    - name: http
      port: 8080
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: ${name}-1
  namespace: ${namespace}
  labels:
    kubernetes.io/service-name: ${name}
addressType: IPv4
endpoints:
  - addresses: [10.${app >> 16}.${(app >> 8) & 255}.${app & 255}]
    conditions:
      ready: true
ports:
  - name: http
    port: 8080
    protocol: TCP
`;
}

/** Half of the rules are prefixes; the others each need something more. */
function ruleText(app: string, rule: number): string {
  const backend = `      backendRefs:
        - name: ${app}
          port: 8080
`;
  const path = (type: string, value: string): string => `    - matches:
        - path:
            type: ${type}
            value: ${value}
`;
  switch (rule % 6) {
    case 0: return path("Exact", `/health-${rule}`) + "          method: GET\n" + backend;
    case 1: return `${path("PathPrefix", `/orders-${rule}`)}          headers:
            - name: x-version
              value: "2"
      timeouts:
        request: 10s
${backend}`;
    case 2: return `${path("PathPrefix", `/old-${rule}`)}      filters:
        - type: URLRewrite
          urlRewrite:
            path:
              type: ReplacePrefixMatch
              replacePrefixMatch: /new-${rule}
${backend}`;
    default: return path("PathPrefix", `/api/v1/service-${rule}`) + backend;
  }
}
