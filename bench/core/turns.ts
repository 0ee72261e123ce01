// Short turns, one router after the other, so that whatever the machine does meanwhile befalls a
// router and the one it is compared with alike.

/** Nanoseconds a match, turn by turn; `base` is what the base took around the same time. */
export interface Figures {
  readonly own: readonly number[];
  readonly base: readonly number[];
}

/** Peers between two turns of the base. */
const apart = 3;

/**
 * In each round the base takes a turn, then up to three peers, then the base again, and so on. A
 * peer's figure stands beside the mean of the base's before and after; each round begins with
 * another peer. The base's own figures are all of its turns.
 */
export async function takeTurns<Subject>(
  base: Subject, peers: readonly Subject[], rounds: number,
  turn: (subject: Subject) => Promise<number>,
): Promise<ReadonlyMap<Subject, Figures>> {
  const own = new Map<Subject, number[]>([base, ...peers].map((subject) => [subject, []]));
  const beside = new Map<Subject, number[]>(peers.map((peer) => [peer, []]));
  const take = async (subject: Subject): Promise<number> => {
    const figure = await turn(subject);
    own.get(subject)?.push(figure);
    return figure;
  };
  for (let round = 0; round < rounds; round += 1) {
    const start = peers.length === 0 ? 0 : round % peers.length;
    const order = [...peers.slice(start), ...peers.slice(0, start)];
    let before = await take(base);
    for (let at = 0; at < order.length; at += apart) {
      const some = order.slice(at, at + apart);
      for (const peer of some) await take(peer);
      const after = await take(base);
      for (const peer of some) beside.get(peer)?.push((before + after) / 2);
      before = after;
    }
  }
  return new Map([...own].map(([subject, figures]) =>
    [subject, { own: figures, base: beside.get(subject) ?? figures }]));
}

/**
 * How far apart the quarters of the values are, as a share of the median: a turn that something
 * else broke into says nothing of the others.
 */
export function middleSpread(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.round((sorted.length - 1) * share)] ?? Number.NaN;
  return (at(0.75) - at(0.25)) / at(0.5);
}
