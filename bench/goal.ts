// What figures are held against: the targets that the project has set itself.

export interface Goal {
  /** With its bound: "filter ≤ 1.20 of one native route, 10 routes". */
  readonly what: string;
  /** What was measured. */
  readonly found: string;
  readonly holds: boolean;
}

export function atMost(what: string, figures: readonly Figure[], bound: number): Goal {
  return goal(`${what}: ≤ ${bound}`, figures, (value) => value <= bound);
}

export function atLeast(what: string, figures: readonly Figure[], bound: number): Goal {
  return goal(`${what}: ≥ ${bound}`, figures, (value) => value >= bound);
}

/** A value with what it is the value of, such as a position. */
export interface Figure {
  readonly of: string;
  readonly value: number;
}

function goal(
  what: string, figures: readonly Figure[], isWithin: (value: number) => boolean,
): Goal {
  const found = figures.map(({ of, value }) => {
    const digits = Math.abs(value) < 10 ? value.toFixed(3) : value.toFixed(1);
    return `${of} ${digits}`.trim();
  });
  return { what, found: found.join(", "), holds: figures.every(({ value }) => isWithin(value)) };
}
