import type { Command } from 'commander';
import { CliError, exitCodes, usageError } from '../cli-error.js';
import { positiveNumber, wholeNumber } from '../input/numbers.js';
import { readOverrides } from '../input/read-overrides.js';
import { knownProvider } from '../known-provider.js';
import { type Answer, answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { buildEvent } from '../send/build-event.js';
import { type DeliveryResult, deliver } from '../send/deliver.js';
import { findSample } from '../send/find-sample.js';
import { listSamples } from '../send/list-samples.js';
import { showProgress } from '../send/progress.js';
import { sendAll } from '../send/send-all.js';
import { toAnswer } from '../send/summary.js';
import { findTarget, type Target } from '../send/target.js';

interface Asked {
  list?: true;
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
  if (name === undefined || type === undefined)
    throw usageError('say what to send: a provider and a type', '`semel send --list` shows them');
  const provider = await knownProvider(name);
  const sample = findSample(provider, type);
  const overrides = asked.data === undefined ? undefined : await readOverrides(asked.data);
  const target = await findTarget({ provider, endpoint: asked.endpoint, url: asked.url });
  const account = asked.account ?? target.account;

  const copies = asked.duplicates + 1;
  const total = asked.count * copies;
  let event = buildEvent({ sample, account, overrides });
  const interrupt = interruption();
  const progress = showProgress(total);
  const results = await sendAll({
    total,
    rate: asked.rate,
    stop: interrupt.signal,
    onProgress: progress.update,
    deliver: (index) => {
      // Deliveries begin in order: the copies of one event before the next one.
      if (index > 0 && index % copies === 0) event = buildEvent({ sample, account, overrides });
      return deliver(target, event);
    },
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

/** The first Ctrl-C ends the sending, and what came back so far is shown; a second one ends the process. */
function interruption() {
  const controller = new AbortController();
  const onSignal = () => controller.abort();
  for (const name of signals) process.once(name, onSignal);
  return {
    signal: controller.signal,
    end: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}

const signals = ['SIGINT', 'SIGTERM'] as const;

function checkUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw usageError('--url is no http(s) address', 'give one such as http://127.0.0.1:8080');
}
