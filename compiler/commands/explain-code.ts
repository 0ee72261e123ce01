// `fairlead explain-code FL0204`: the long text of a diagnostic's code.

import { codes, type Code } from "../codes.ts";
import { nearest } from "../schema/nearest.ts";
import { wrongUsage, type Run } from "./command.ts";

export const run: Run = async (options) => {
  const asked = options.positionals;
  const known = Object.keys(codes);
  const unknown = asked.find((code) => !known.includes(code.toUpperCase()));
  if (unknown !== undefined) {
    const guess = nearest(unknown.toUpperCase(), known);
    const hint = guess === undefined ? "" : `; did you mean \`${guess}\`?`;
    return wrongUsage(`there is no code \`${unknown}\`${hint}`);
  }
  const wanted = asked.length === 0 ? known : asked.map((code) => code.toUpperCase());
  const lines = wanted.map((code) => {
    const { level, about } = codes[code as Code];
    return `${code}  ${level.padEnd(7)}  ${about}\n`;
  });
  return { stdout: lines.join(""), diagnostics: [], exitCode: 0 };
};
