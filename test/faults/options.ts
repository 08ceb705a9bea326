import { parseArgs } from 'node:util';

export interface FaultOptions {
  events: number;
  /** Number of faults of each kind. */
  each: number;
  seed: number;
  quick: boolean;
  json: boolean;
  keep: boolean;
  /** `list`, `all` or a name. */
  sabotage: string | null;
  /** Attacks on a running system, in place of random faults. */
  siege: boolean;
  /** The name of one attack. */
  only: string | null;
  help: boolean;
}

export const usage = `npm run faults -- [options]

Random faults over a mixed load of four providers and several firms, two receivers, two workers, a real PostgreSQL and a
real Redis; then a judgement from SQL and from the senders' own records. Exits with 0 only if nothing was lost, nothing
was applied twice, and nothing crossed from one firm to another.

  --events N       how many events; 20 faults of every kind for each 10,000 (default 10000, some 12 minutes). Ctrl-C ends
                   the run after its round of at most 5,000 events, and judges what was sent until then
  --seed N         repeats the events and faults of a run; timings differ (default: a new one, printed)
  --quick          the short form for CI: 500 events, one fault of every kind
  --json           the result as one JSON value on standard output
  --keep           keeps the apps' logs, and says where
  --sabotage NAME  breaks the product on purpose, and passes only if the invariant that must notice does; 'list' names
                   them, 'all' runs each
  --siege          attacks by one firm on a running system instead, judged by what a second firm sees; some 15 minutes, with
                   --quick one and a half
  --only ATTACK    one attack of the siege
  --help
`;

/** Throws with a readable line if an option is unknown or invalid. */
export function readOptions(argv: readonly string[]): FaultOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      events: { type: 'string' },
      seed: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      keep: { type: 'boolean', default: false },
      sabotage: { type: 'string' },
      siege: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const whole = (name: 'events' | 'seed', fallback: number) => {
    const text = values[name] ?? String(fallback);
    if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new Error(`--${name} is a whole number above 0, not ${text}`);
    return Number(text);
  };
  const events = whole('events', values.quick ? 500 : 10_000);
  return {
    events,
    each: Math.max(1, Math.ceil((events * 20) / 10_000)),
    seed: whole('seed', 1 + Math.floor(Math.random() * 999_999)),
    quick: values.quick,
    json: values.json,
    keep: values.keep,
    sabotage: values.sabotage ?? null,
    siege: values.siege,
    only: values.only ?? null,
    help: values.help,
  };
}
