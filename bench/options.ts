// What the benchmarks' command lines have in common: reading values, and saying how far they are.

/** The comma-separated parts of `text`, each one of `known`. Throws for any other. */
export function among<T extends string>(text: string, known: readonly T[]): readonly T[] {
  return text.split(",").map((part) => {
    const found = known.find((name) => name === part);
    if (found === undefined) throw new Error(`${part} is none of ${known.join(", ")}`);
    return found;
  });
}

/** A whole number above 0. Throws for anything else. */
export function positive(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${text} is not a whole number above 0`);
  return Number(text);
}

/** Progress goes to the standard error; the standard output is the report's. */
export function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Says once when a round begins. */
export function roundSayer(rounds: number): (round: number) => void {
  let said = -1;
  return (round) => {
    if (round !== said) say(`round ${round + 1} of ${rounds}`);
    said = round;
  };
}
