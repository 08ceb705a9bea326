import type { Sample } from '@semel/core';
import type { Command } from 'commander';
import { CliError, exitCodes, usageError } from '../cli-error.js';
import { listenForInterrupt } from '../input/listen-for-interrupt.js';
import { positiveNumber, wholeNumber } from '../input/numbers.js';
import { readOverrides } from '../input/read-overrides.js';
import { knownProvider } from '../known-provider.js';
import { type CommandResult, toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { showProgress } from '../output/progress.js';
import { type BuiltEvent, buildEvent } from '../send/build-event.js';
import { buildStory } from '../send/build-story.js';
import { type DeliveryResult, deliver } from '../send/deliver.js';
import { findSample } from '../send/find-sample.js';
import { findStory } from '../send/find-story.js';
import { listSamples } from '../send/list-samples.js';
import { sendAll } from '../send/send-all.js';
import { newSeed, shuffled } from '../send/shuffle.js';
import { findTarget, type Target } from '../send/target.js';
import { toCommandResult } from '../send/to-command-result.js';

interface Options {
  list?: true;
  story?: string;
  shuffle?: true;
  seed?: number;
  endpoint?: string;
  account?: string;
  duplicates: number;
  count: number;
  rate?: number;
  data?: string;
  url?: string;
}

export function send(program: Command): void {
  program
    .command('send')
    .description('sign sample events as the provider does, and send them to the receiver')
    .argument('[provider]', 'name of the provider, such as stripe')
    .argument('[type]', 'event type; see --list')
    .option('--list', 'list the event types and stories, and send nothing')
    .option('--story <name>', 'instead of a type: all events of a story, in order')
    .option('--shuffle', 'send the deliveries of a story in random order, copies included')
    .option('--seed <n>', 'repeat the order of an earlier --shuffle', wholeNumber(0, 4_294_967_295))
    .option('--endpoint <key>', "key of the endpoint (default: the demo firm's, or the only one)")
    .option(
      '--account <account>',
      "the provider's account in the event (default: one that the endpoint lists)",
    )
    .option('--duplicates <n>', 'send n more copies of each event', wholeNumber(0, 100_000), 0)
    .option('--count <n>', 'send n different events', wholeNumber(1, 1_000_000), 1)
    .option('--rate <n>', 'deliveries per second (default: no limit)', positiveNumber)
    .option(
      '--data <file>',
      "JSON object to merge into the event's object, its `$event` into the envelope; `-` reads standard input",
    )
    .option('--url <url>', 'address of the receiver (default: RECEIVER_HOST and RECEIVER_PORT)', checkUrl)
    .addHelpText(
      'after',
      example(
        'semel send stripe invoice.paid --duplicates 2',
        'semel send twilio inbound --count 1000 --rate 200',
        'semel send stripe --story invoice-paid --duplicates 1 --shuffle',
        'semel send --list',
      ),
    )
    .action(
      toAction((provider: string | undefined, type: string | undefined, options: Options) =>
        options.list ? listSamples(provider) : sendSamples(provider, type, options),
      ),
    );
}

async function sendSamples(
  name: string | undefined,
  type: string | undefined,
  options: Options,
): Promise<CommandResult> {
  if (name === undefined || (type === undefined) === (options.story === undefined))
    throw usageError('say what to send: a provider, and a type or --story', '`semel send --list` shows them');
  if (options.story === undefined && (options.shuffle || options.seed !== undefined))
    throw usageError('--shuffle and --seed need a --story', 'add --story, or leave them out');
  if (options.story !== undefined && options.data !== undefined)
    throw usageError('--data does not work with --story', 'leave out one of them');
  const provider = await knownProvider(name);
  const story = options.story === undefined ? null : findStory(provider, options.story);
  const sample = type === undefined ? null : findSample(provider, type);
  const overrides = options.data === undefined ? undefined : await readOverrides(options.data);
  const target = await findTarget({ provider, endpoint: options.endpoint, url: options.url });
  const account = options.account ?? target.account;
  const copies = options.duplicates + 1;

  if (story !== null) {
    const runs = Array.from({ length: options.count }, () => buildStory({ provider, story, account }));
    const deliveries = runs.flat().flatMap((event) => Array.from({ length: copies }, () => event));
    const shuffle = options.shuffle || options.seed !== undefined;
    const seed = options.seed ?? newSeed();
    const order = shuffle ? shuffled(deliveries, seed) : deliveries;
    const result = await sendInOrder(
      target,
      order.length,
      options.rate,
      1,
      (index) => order[index] as BuiltEvent,
    );
    if (!shuffle) return result;
    const value = { ...(result.value as object), seed };
    return {
      ...result,
      value,
      text: `${result.text}\nseed ${seed}: --seed ${seed} repeats this order`,
    };
  }

  const build = () => buildEvent({ sample: sample as Sample, account, overrides });
  let event = build();
  return sendInOrder(target, options.count * copies, options.rate, undefined, (index) => {
    // The copies of one event are sent before the next event.
    if (index > 0 && index % copies === 0) event = build();
    return event;
  });
}

/** With a concurrency of 1, each delivery waits for the response to the one before. */
async function sendInOrder(
  target: Target,
  total: number,
  rate: number | undefined,
  concurrency: number | undefined,
  eventAt: (index: number) => BuiltEvent,
): Promise<CommandResult> {
  const interrupt = listenForInterrupt();
  const progress = showProgress(total);
  const results = await sendAll({
    total,
    rate,
    ...(concurrency === undefined ? {} : { concurrency }),
    stop: interrupt.signal,
    onProgress: progress.update,
    deliver: (index) => deliver(target, eventAt(index)),
  });
  progress.clear();
  interrupt.end();
  if (results.length > 0 && results.every(({ status }) => status === null)) throw notRunning(target, results);
  const result = toCommandResult(results);
  if (!interrupt.signal.aborted) return result;
  return {
    ...result,
    failure: new CliError('interrupted', `stopped after ${results.length} of ${total} deliveries`, {
      exitCode: exitCodes.interrupted,
    }),
  };
}

const notRunning = ({ receiverUrl }: Target, results: readonly DeliveryResult[]) =>
  new CliError('receiver_unreachable', `no receiver answers at ${receiverUrl} (${results[0]?.code})`, {
    advice: 'start it (`npm start` does), or give its address with --url',
  });

function checkUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw usageError('--url is not an http(s) address', 'give one such as http://127.0.0.1:8080');
}
