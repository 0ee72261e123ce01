// The few questions we ask Envoy's administration interface.

import { get } from "node:http";

export interface Admin {
  /** `127.0.0.1:40123` */
  readonly address: string;
  isReady(): Promise<boolean>;
  /** The answer's text; rejects on a status other than 200. */
  text(path: string): Promise<string>;
  json(path: string): Promise<unknown>;
  /** A counter, gauge or text value of /stats by its full name; undefined where there is none. */
  stat(name: string): Promise<string | undefined>;
  /** Those of /stats whose names begin with `prefix` and end with one of `last`, by full name. */
  stats(prefix: string, last: readonly string[]): Promise<ReadonlyMap<string, string>>;
  /** Listener name → the address it is bound to, with the port the system chose. */
  listeners(): Promise<ReadonlyMap<string, string>>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

export function adminClient(address: string): Admin {
  const ask = (path: string): Promise<Answer> => fetchText(`http://${address}${path}`);
  const text = async (path: string): Promise<string> => {
    const answer = await ask(path);
    if (answer.status !== 200) throw new Error(`Envoy's ${path} answers ${answer.status}`);
    return answer.text;
  };
  const json = async (path: string): Promise<unknown> => JSON.parse(await text(path)) as unknown;
  const stats: Admin["stats"] = async (prefix, last) => {
    const pattern = `^${escaped(prefix)}.*(${last.map(escaped).join("|")})$`;
    const answer = await text(`/stats?filter=${encodeURIComponent(pattern)}`);
    return new Map(answer.split("\n").flatMap((line): [string, string][] => {
      const colon = line.indexOf(": ");
      const value = line.slice(colon + 2).replace(/^"|"$/g, "");
      return colon < 0 ? [] : [[line.slice(0, colon), value]];
    }));
  };
  return {
    address,
    text,
    stats,
    json,
    isReady: () => ask("/ready").then(({ status }) => status === 200, () => false),
    stat: async (name) => (await stats("", [name])).get(name),
    listeners: async () => addresses(await json("/listeners?format=json")),
  };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

interface ListenerStatuses {
  readonly listener_statuses?: readonly {
    readonly name: string;
    readonly local_address?: {
      readonly socket_address?: { readonly address: string; readonly port_value?: number };
    };
  }[];
}

function addresses(answer: unknown): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { name, local_address } of (answer as ListenerStatuses).listener_statuses ?? []) {
    const socket = local_address?.socket_address;
    // The port is 0 for the moment between the listener's creation and its binding.
    if (socket?.port_value) found.set(name, `${socket.address}:${socket.port_value}`);
  }
  return found;
}

/** Not fetch(): its connection pool would hold the process open and outlive the Envoy it asked. */
function fetchText(url: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const text = Buffer.concat(chunks).toString("utf8");
        resolve({ status: response.statusCode ?? 0, text });
      });
    });
    request.on("timeout", () => request.destroy(new Error(`no answer from ${url}`)));
    request.on("error", reject);
  });
}
