import { parseArgs } from 'node:util';

export interface SoakOptions {
  minutes: number;
  /** Events per second, without the duplicates that come on top. */
  rate: number;
  seed: number;
  json: boolean;
  help: boolean;
}

export const usage = `npm run soak -- [options]

A steady load of four providers and several firms, with duplicates, on two receivers and two workers, and nothing that goes
wrong. Memory, connections and times must be in the last third what they were in the first, after a warm-up of a tenth.
Exits with 0 only then, and only if nothing was lost, nothing applied twice, and nothing crossed firms.

  --minutes N   how long (default 30)
  --rate N      events per second (default 40)
  --seed N      repeats the events of a run (default: a new one, printed)
  --json        the result as one JSON value on standard output
  --help
`;

/** Throws with a readable line if an option is unknown or invalid. */
export function readOptions(argv: readonly string[]): SoakOptions {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: 'string', default: '30' },
      rate: { type: 'string', default: '40' },
      seed: { type: 'string', default: String(1 + Math.floor(Math.random() * 999_999)) },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const above0 = (name: 'minutes' | 'rate' | 'seed') => {
    const text = values[name];
    if (!/^\d{1,9}(\.\d+)?$/.test(text) || Number(text) === 0)
      throw new Error(`--${name} is a number above 0, not ${text}`);
    return Number(text);
  };
  return {
    minutes: above0('minutes'),
    rate: above0('rate'),
    seed: above0('seed'),
    json: values.json,
    help: values.help,
  };
}
