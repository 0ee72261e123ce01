// What the user logged in with: the Docker configuration that docker, podman and crane write, and
// the credential helpers that it names. Only read; nothing is ever written there.

import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

export type Credentials =
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  /** An OAuth2 refresh token, for the registry's token service alone. */
  | { readonly kind: "token"; readonly token: string };

export type FoundCredentials =
  | { readonly ok: true; readonly credentials?: Credentials }
  | { readonly ok: false; readonly problem: string };

type Env = Readonly<Record<string, string | undefined>>;

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
}

interface DockerConfig {
  readonly auths?: Readonly<Record<string, AuthEntry>>;
  readonly credHelpers?: Readonly<Record<string, string>>;
  readonly credsStore?: string;
}

/** Docker's own registry has an address of old in the configuration. */
const dockerHub = "https://index.docker.io/v1/";

export async function findCredentials(registry: string, env: Env): Promise<FoundCredentials> {
  const folder = env["DOCKER_CONFIG"] ?? join(env["HOME"] ?? homedir(), ".docker");
  const path = join(folder, "config.json");
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch {
    return { ok: true };
  }
  let config: DockerConfig;
  try {
    config = JSON.parse(text) as DockerConfig;
  } catch {
    return { ok: false, problem: `\`${path}\` is not JSON` };
  }
  const key = /^(?:index\.|registry-1\.)?docker\.io$/.test(registry) ? dockerHub : registry;
  const helper = config.credHelpers?.[key] ?? config.credsStore;
  if (helper !== undefined && helper !== "") {
    const asked = await askHelper(helper, key, env);
    if (!asked.ok || asked.credentials) return asked;
  }
  const entry = Object.entries(config.auths ?? {}).find(([name]) => hostOf(name) === hostOf(key));
  return { ok: true, ...(entry && credentialsOf(entry[1])) };
}

/** Entries are written with and without a scheme and a path. */
function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, "").replace(/\/.*$/, "").toLowerCase();
}

function credentialsOf(entry: AuthEntry): { readonly credentials?: Credentials } {
  if (entry.identitytoken) return { credentials: { kind: "token", token: entry.identitytoken } };
  const [, username, password] = /^([^:]*):(.*)$/s.exec(
    Buffer.from(entry.auth ?? "", "base64").toString("utf8")) ?? [];
  const name = username ?? entry.username;
  const secret = password ?? entry.password;
  if (!name || secret === undefined) return {};
  return { credentials: { kind: "password", username: name, password: secret } };
}

const helperTimeMs = 30_000;

/** The protocol of docker-credential-helpers: the registry in, JSON out. */
function askHelper(helper: string, key: string, env: Env): Promise<FoundCredentials> {
  const command = `docker-credential-${helper}`;
  return new Promise((resolve) => {
    const child = spawn(command, ["get"], { env: { ...env }, timeout: helperTimeMs });
    let output = "";
    child.stdout.on("data", (part: Buffer) => (output += part.toString("utf8")));
    child.on("error", () => resolve({ ok: false, problem: `\`${command}\` cannot be run` }));
    child.on("close", (code) => {
      // Having none is said by a failure with this text.
      if (code !== 0 && /credentials not found/i.test(output)) return resolve({ ok: true });
      if (code !== 0) return resolve({ ok: false, problem: `\`${command}\` failed for ${key}` });
      try {
        const { Username, Secret } = JSON.parse(output) as { Username?: string; Secret?: string };
        if (!Secret) return resolve({ ok: true });
        resolve({
          ok: true,
          credentials: Username === "<token>"
            ? { kind: "token", token: Secret }
            : { kind: "password", username: Username ?? "", password: Secret },
        });
      } catch {
        resolve({ ok: false, problem: `\`${command}\` answers no JSON` });
      }
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(key);
  });
}
