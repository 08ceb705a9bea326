import type { Sample } from '@semel/core';
import type { Command } from 'commander';
import { CliError, exitCodes, usageError } from '../cli-error.js';
import { interruption } from '../input/interruption.js';
import { positiveNumber, wholeNumber } from '../input/numbers.js';
import { readOverrides } from '../input/read-overrides.js';
import { knownProvider } from '../known-provider.js';
import { type Answer, answering } from '../output/answer.js';
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
import { toAnswer } from '../send/summary.js';
import { findTarget, type Target } from '../send/target.js';

interface Asked {
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
    .description('sign real-shaped events the way the provider does, and send them to the receiver')
    .argument('[provider]', 'such as stripe')
    .argument('[type]', 'the event type; --list shows them')
    .option('--list', 'list what can be sent, and send nothing')
    .option('--story <name>', 'a whole life in place of one type: its events in order, one after the other')
    .option('--shuffle', 'the deliveries of a story in any order, copies included')
    .option('--seed <n>', 'the order of an earlier --shuffle again', wholeNumber(0, 4_294_967_295))
    .option('--endpoint <key>', "where to; none given: the demo firm's, else the only one")
    .option(
      '--account <account>',
      "the provider's account in the event; none given: one that the endpoint lists",
    )
    .option('--duplicates <n>', 'so many more copies of each event', wholeNumber(0, 100_000), 0)
    .option('--count <n>', 'so many different events', wholeNumber(1, 1_000_000), 1)
    .option('--rate <n>', 'deliveries a second; none given: as fast as they are answered', positiveNumber)
    .option(
      '--data <file>',
      "JSON object merged over the event's; `$event` in it goes over the envelope; `-`: standard input",
    )
    .option('--url <url>', 'the receiver; none given: RECEIVER_HOST and RECEIVER_PORT', checkUrl)
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
      answering((provider: string | undefined, type: string | undefined, asked: Asked) =>
        asked.list ? listSamples(provider) : sendSamples(provider, type, asked),
      ),
    );
}

async function sendSamples(
  name: string | undefined,
  type: string | undefined,
  asked: Asked,
): Promise<Answer> {
  if (name === undefined || (type === undefined) === (asked.story === undefined))
    throw usageError('say what to send: a provider, and a type or --story', '`semel send --list` shows them');
  if (asked.story === undefined && (asked.shuffle || asked.seed !== undefined))
    throw usageError('--shuffle and --seed are for a --story', 'give one, or leave them out');
  if (asked.story !== undefined && asked.data !== undefined)
    throw usageError('--data is for one type', 'a story has its own data');
  const provider = await knownProvider(name);
  const play = asked.story === undefined ? null : findStory(provider, asked.story);
  const sample = type === undefined ? null : findSample(provider, type);
  const overrides = asked.data === undefined ? undefined : await readOverrides(asked.data);
  const target = await findTarget({ provider, endpoint: asked.endpoint, url: asked.url });
  const account = asked.account ?? target.account;
  const copies = asked.duplicates + 1;

  if (play !== null) {
    const lives = Array.from({ length: asked.count }, () => buildStory({ provider, story: play, account }));
    const deliveries = lives.flat().flatMap((event) => Array.from({ length: copies }, () => event));
    const shuffle = asked.shuffle || asked.seed !== undefined;
    const seed = asked.seed ?? newSeed();
    const order = shuffle ? shuffled(deliveries, seed) : deliveries;
    const answer = await sendInOrder(
      target,
      order.length,
      asked.rate,
      1,
      (index) => order[index] as BuiltEvent,
    );
    if (!shuffle) return answer;
    const value = { ...(answer.value as object), seed };
    return {
      ...answer,
      value,
      text: `${answer.text}\nseed ${seed}: --seed ${seed} sends in this order again`,
    };
  }

  const build = () => buildEvent({ sample: sample as Sample, account, overrides });
  let event = build();
  return sendInOrder(target, asked.count * copies, asked.rate, undefined, (index) => {
    // Deliveries begin in order: the copies of one event before the next one.
    if (index > 0 && index % copies === 0) event = build();
    return event;
  });
}

/** `atOnce`: 1 waits for each answer before the next delivery begins. */
async function sendInOrder(
  target: Target,
  total: number,
  rate: number | undefined,
  atOnce: number | undefined,
  eventAt: (index: number) => BuiltEvent,
): Promise<Answer> {
  const interrupt = interruption();
  const progress = showProgress(total);
  const results = await sendAll({
    total,
    rate,
    ...(atOnce === undefined ? {} : { concurrency: atOnce }),
    stop: interrupt.signal,
    onProgress: progress.update,
    deliver: (index) => deliver(target, eventAt(index)),
  });
  progress.clear();
  interrupt.end();
  if (results.length > 0 && results.every(({ status }) => status === null)) throw notRunning(target, results);
  const answer = toAnswer(results);
  if (!interrupt.signal.aborted) return answer;
  return {
    ...answer,
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
  throw usageError('--url is no http(s) address', 'give one such as http://127.0.0.1:8080');
}
