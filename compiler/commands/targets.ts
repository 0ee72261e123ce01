// `--target LIST`, as more than one command takes it.

import { targets, type Target } from "../emit.ts";
import { stringOption, type Options } from "./command.ts";

export type Targets =
  | { readonly kind: "known"; readonly targets: readonly Target[] }
  | { readonly kind: "wrong"; readonly message: string };

/** Without the option `otherwise`. */
export function targetsOption(options: Options, otherwise: readonly Target[]): Targets {
  const names = stringOption(options, "target", otherwise.join(","))
    .split(",").filter((name) => name !== "");
  const unknown = names.find((name) => !(targets as readonly string[]).includes(name));
  if (unknown === undefined) return { kind: "known", targets: names as Target[] };
  return {
    kind: "wrong",
    message: `there is no target \`${unknown}\`; there are ${targets.join(", ")}`,
  };
}
