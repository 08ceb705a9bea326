// The tables of docs/limits.md. Every value comes from the code that applies it, or is the default of a variable.
import { maxHeaderSize } from 'node:http';
import { databaseLimits as receiverDatabase, requestLimits } from '../apps/receiver/src/app.ts';
import { shareOfFirm } from '../apps/receiver/src/plugins/body-budget.ts';
import { uncountedBytes } from '../apps/receiver/src/plugins/raw-body.ts';
import { everyMs as refusalsEveryMs } from '../apps/receiver/src/plugins/refusal-log.ts';
import { databaseLimits as workerDatabase } from '../apps/worker/src/app.ts';
import { effectNameLimitBytes, effectPayloadLimitBytes } from '../apps/worker/src/handling/to-effect.ts';
import * as breakers from '../apps/worker/src/outbox/destination-breakers.ts';
import { deliveryShares } from '../apps/worker/src/outbox/outbox-worker.ts';
import { dnsLimits } from '../apps/worker/src/outbox/public-address.ts';
import { longestMs as longestRetryMs } from '../apps/worker/src/outbox/retry-delay.ts';
import * as places from '../apps/worker/src/places.ts';
import {
  handledAtOnce,
  handledOfFirmAtOnce,
  slowShareOfFirm,
  transactionLimits,
  transactionsAtOnce,
} from '../apps/worker/src/provider-worker.ts';
import { providerVariables, variables } from '../packages/config/src/variables.ts';
import { inlineBodyHardLimitBytes, inlineBodyLimitBytes } from '../packages/core/src/body.ts';
import { mostObjects } from '../packages/core/src/plan-event.ts';
import { lockShare } from '../packages/database/src/connection/pool.ts';
import * as jsonFit from '../packages/database/src/ledger/json-fit.ts';
import { fractionDigits, wholeDigits } from '../packages/database/src/ledger/numeric-fit.ts';
import { longestBodyBytes } from '../packages/database/src/ledger/searchable-copy.ts';
import { bodyThreadLimits, largeBytes } from '../packages/providers/src/body-thread.ts';
import { shortLimit, textLimit } from '../packages/providers/src/clean-text.ts';
import { recipientLimit } from '../packages/providers/src/docusign/recipients.ts';
import { mostValues } from '../packages/providers/src/read-body.ts';
import { providers } from '../packages/providers/src/registry.ts';
import { fieldLimit, nameLimit } from '../packages/providers/src/twilio/form.ts';
import { jobLockMs, keptJobs } from '../packages/queue/src/consumer.ts';
import { jobsPerPriority, lowestPriority } from '../packages/queue/src/firm-backlog.ts';
import { keptDeadJobs } from '../packages/queue/src/outbox-consumer.ts';
import { mostStalls } from '../packages/queue/src/queue-worker.ts';
import { stallsAlone, stallsTogether } from '../packages/queue/src/stalled-jobs.ts';
import { mostWaitingBytes } from '../packages/telemetry/src/bounded-output.ts';

/** The variables whose limits are on the page, by their default. */
const defaults = new Map(
  [...variables, ...providerVariables('<provider>')].map((meta) => [meta.name, meta.default]),
);

/** `10 s`, from the default of a variable. */
function defaultOf(name, format = count) {
  const value = Number(defaults.get(name));
  if (Number.isNaN(value)) throw new Error(`${name} has no number as its default`);
  return format(value);
}

const count = (value) => value.toLocaleString('en-US');
const mebi = (value) => `${count(value)} MiB`;
const bytes = (value) => (value < 1024 ** 2 ? `${count(value / 1024)} KiB` : mebi(value / 1024 ** 2));
const percent = (share) => `${count(share * 100)} %`;
const time = (ms) => {
  if (ms < 1_000) return `${count(ms)} ms`;
  if (ms < 120_000) return `${count(ms / 1_000)} s`;
  if (ms < 2 * 3_600_000) return `${count(ms / 60_000)} min`;
  return ms < 2 * 86_400_000 ? `${count(ms / 3_600_000)} h` : `${count(ms / 86_400_000)} days`;
};
const kept = ({ age, count: jobs }) => `the last ${count(jobs)}, for ${time(age * 1_000)}`;

/** Where a limit is set. */
const code = 'the code';
const share = (of, name) => `${of} of \`${name}\``;
const by = (name) => `\`${name}\``;
const ofProvider = (name) => by(`<PROVIDER>_${name}`);
const error = (name) => `[\`${name}\`](failure-modes.md#${name})`;

const bodyLimits = [...new Set(providers.map(({ bodyLimitBytes }) => bodyLimitBytes))].map((limit) => {
  const titles = providers.filter(({ bodyLimitBytes }) => bodyLimitBytes === limit).map(({ title }) => title);
  return `${bytes(limit)}: ${titles.join(', ')}`;
});
const attempts = providers.map(({ title, retry }) => `${retry.attempts}: ${title}`);

/** Rows: what is limited, the limit, where it is set, what happens beyond it. */
const sections = {
  request: {
    title: 'A request',
    rows: [
      [
        'Connections to one receiver',
        defaultOf('RECEIVER_MAX_CONNECTIONS'),
        by('RECEIVER_MAX_CONNECTIONS'),
        'the connection is closed at once',
      ],
      [
        'Time until the headers are complete',
        time(requestLimits.headersMs),
        code,
        '400, and the connection is closed',
      ],
      [
        'Time until the body is complete',
        time(requestLimits.wholeMs),
        code,
        '400, and the connection is closed',
      ],
      ['Size of the headers', bytes(maxHeaderSize), 'Node', '400, and the connection is closed'],
      [
        "Characters of the endpoint's key",
        count(requestLimits.keyCharacters),
        code,
        `404 ${error('unknown_endpoint')}. So does an unknown key, before the body is read`,
      ],
      [
        'Size of a body',
        bodyLimits.join('; '),
        'the code, and the proxy',
        `413 ${error('too_large')}; no more of it is read`,
      ],
      [
        'Memory for bodies in one receiver',
        `${defaultOf('RECEIVER_BODY_MIB', mebi)}; the first ${bytes(uncountedBytes)} of each body do not count`,
        by('RECEIVER_BODY_MIB'),
        `503 ${error('overloaded')}; the provider sends it again`,
      ],
      [
        "Memory for one firm's bodies",
        percent(shareOfFirm),
        share('a share', 'RECEIVER_BODY_MIB'),
        `503 ${error('overloaded')} for this firm only`,
      ],
      [
        `JSON values in a body above ${bytes(largeBytes)}`,
        count(mostValues),
        code,
        `413 ${error('too_complex')}`,
      ],
      [
        `Time to read a body above ${bytes(largeBytes)}, in a thread`,
        time(bodyThreadLimits.timeoutMs),
        code,
        `413 ${error('too_complex')}; the thread is replaced`,
      ],
      [
        'Memory of this thread',
        mebi(bodyThreadLimits.memoryMb),
        code,
        `413 ${error('too_complex')}; the thread is replaced`,
      ],
      [
        'Fields of a form, and characters of their names',
        `${count(fieldLimit)}, ${count(nameLimit)}`,
        code,
        `401 ${error('signature_invalid')}`,
      ],
      [
        'Time from the whole body to the answer',
        defaultOf('ACCEPT_BUDGET_MS', time),
        by('ACCEPT_BUDGET_MS'),
        `503 ${error('unavailable')}; the provider sends it again`,
      ],
      [
        'Time of a command to Redis',
        defaultOf('REDIS_COMMAND_TIMEOUT_MS', time),
        by('REDIS_COMMAND_TIMEOUT_MS'),
        'the event is written to PostgreSQL (`spilled`)',
      ],
      [
        'Time to get a connection to PostgreSQL; time of a statement',
        `${percent(receiverDatabase.connectShare)}; ${percent(receiverDatabase.statementShare)}`,
        share('shares', 'ACCEPT_BUDGET_MS'),
        'PostgreSQL counts as unreachable for this request',
      ],
      [
        'Connections to PostgreSQL of one receiver',
        count(receiverDatabase.connections),
        code,
        'requests wait for one',
      ],
      [
        'Lines in the log for refusals of one kind',
        `one per ${time(refusalsEveryMs)}`,
        code,
        'the line has a `count`',
      ],
    ],
  },
  event: {
    title: 'An event',
    rows: [
      [
        'Objects that it changes',
        count(mostObjects),
        code,
        '`ignored`, reason `too_many_objects`; `webhook_oversized_events_total` counts it, `SemelEventOversized` fires',
      ],
      ['Recipients of an envelope', count(recipientLimit), code, 'the others are left out'],
      [
        'Characters of an id, a type, a code',
        count(shortLimit),
        code,
        'an id: 400 `malformed`, or the object is left out; a type: `unknown`; other texts are cut',
      ],
      [
        'Characters of any other text in a column',
        count(textLimit),
        code,
        'it is cut; `event_raw` has all of it',
      ],
      [
        'Body with a searchable copy (`event_data`)',
        bytes(longestBodyBytes),
        code,
        '`event_data` is null; `event_raw` has every byte',
      ],
      [
        'Text, nesting and exponents of this copy',
        `${bytes(jsonFit.longestText)}; ${count(jsonFit.deepest)} levels; ${count(jsonFit.mostAddedDigits)} digits`,
        code,
        '`event_data` is null',
      ],
      [
        'Digits of a number in it, before and after the point',
        `${count(wholeDigits)}, ${count(fractionDigits)}`,
        'PostgreSQL',
        '`event_data` is null',
      ],
      ['Body inside a job', bytes(inlineBodyLimitBytes), code, 'it is in `webhook_bodies`'],
      [
        'The same while PostgreSQL is unreachable',
        bytes(inlineBodyHardLimitBytes),
        code,
        `503 ${error('unavailable')}`,
      ],
      ['Attempts', attempts.join('; '), ofProvider('ATTEMPTS'), '`dead`. Outages of the stores spend none'],
    ],
  },
  job: {
    title: 'A job, and its worker',
    rows: [
      [
        "Share of Redis's `maxmemory`",
        defaultOf('REDIS_HIGH_WATER', percent),
        by('REDIS_HIGH_WATER'),
        'events go to PostgreSQL, and workers apply them from there',
      ],
      [
        'Jobs that wait in one queue',
        defaultOf('QUEUE_BACKLOG_LIMIT'),
        by('QUEUE_BACKLOG_LIMIT'),
        'further events of this provider go to PostgreSQL',
      ],
      [
        "One firm's jobs of one priority",
        `${count(jobsPerPriority)}; ${count(lowestPriority)} priorities`,
        code,
        'later ones wait behind the first jobs of other firms',
      ],
      [
        'Jobs that one worker runs, per provider',
        defaultOf('<PROVIDER>_CONCURRENCY'),
        ofProvider('CONCURRENCY'),
        'the others wait in the queue',
      ],
      [
        "One firm's large events, or events with handlers, of these",
        percent(slowShareOfFirm),
        share('a share', '<PROVIDER>_CONCURRENCY'),
        `the job is postponed by ${time(places.firstMs)} to ${time(places.longestMs)}, without spending an attempt; ${count(places.backPerSecond)} of a firm come back per second`,
      ],
      [
        'One transaction',
        `${count(transactionLimits.events)} events, ${bytes(transactionLimits.bytes)} of bodies, ${count(transactionLimits.objects)} objects`,
        code,
        'the next transaction. Firms take turns. A single event may be larger',
      ],
      [
        'Transactions at one time, per provider and worker',
        `${count(transactionsAtOnce)}, and one with large events`,
        code,
        'the next one waits',
      ],
      [
        'Time of a statement; of a wait for a lock; of an idle transaction',
        `${time(workerDatabase.statementTimeoutMs)}; ${time(workerDatabase.statementTimeoutMs * lockShare)}; ${time(workerDatabase.statementTimeoutMs)}`,
        code,
        'the transaction is rolled back, and its events run one by one: a slow event alone spends its attempts',
      ],
      [
        'Connections to PostgreSQL of one worker',
        `${count(workerDatabase.connections)}, and ${count(handledAtOnce)} per provider with handlers`,
        code,
        `a transaction waits for one for ${time(workerDatabase.connectTimeoutMs)}; then PostgreSQL counts as unreachable`,
      ],
      ['Time without a sign of life from the worker', time(jobLockMs), code, 'another worker runs the job'],
      [
        'Workers that end while they run it',
        `${count(stallsTogether)} beside other jobs, then ${count(stallsAlone)} alone`,
        code,
        `\`dead\`, ${error('handler_stuck')}; \`webhook_stuck_events_total\` counts it, \`SemelEventStuck\` fires`,
      ],
      ["The same by BullMQ's own count", count(mostStalls), code, `\`dead\`, ${error('job_lost')}`],
      [
        'Finished jobs in a queue',
        kept(keptJobs.completed),
        code,
        'they are deleted. The ledger knows the events',
      ],
      [
        'Dead jobs in a queue',
        `${kept(keptJobs.dead)}, without their bodies`,
        code,
        'they are deleted. `semel replay` works without them',
      ],
    ],
  },
  handler: {
    title: 'A handler',
    rows: [
      [
        'Time for one event',
        defaultOf('SEMEL_HANDLER_TIMEOUT_MS', time),
        by('SEMEL_HANDLER_TIMEOUT_MS'),
        `rolled back, ${error('handler_timeout')}; it spends an attempt`,
      ],
      [
        'Time without yielding',
        defaultOf('WATCHDOG_LIMIT_MS', time),
        by('WATCHDOG_LIMIT_MS'),
        `the worker ends and is started again; at last ${error('handler_stuck')}`,
      ],
      [
        'Events with handlers at one time, per provider and worker',
        `${count(handledAtOnce)}, ${count(handledOfFirmAtOnce)} of them of one firm`,
        code,
        'the others wait; no event without handlers waits for them',
      ],
      [
        'Memory',
        'none of its own',
        "Node's heap limit, or the container's",
        `the worker ends and is started again; at last ${error('handler_stuck')}`,
      ],
      ['Statements, rows and effects', 'none, within its time', '', ''],
    ],
  },
  effect: {
    title: 'An effect',
    rows: [
      [
        'Payload as JSON',
        bytes(effectPayloadLimitBytes),
        code,
        `${error('effect_invalid')}: the handler is rolled back`,
      ],
      [
        '`key` and `to`',
        `${count(effectNameLimitBytes)} bytes`,
        code,
        `${error('effect_invalid')}: the handler is rolled back`,
      ],
      [
        'Deliveries at one time, per worker',
        defaultOf('SEMEL_OUTBOX_CONCURRENCY'),
        by('SEMEL_OUTBOX_CONCURRENCY'),
        'the others wait',
      ],
      [
        'Of these to one destination; of one firm',
        `${percent(deliveryShares.ofDestination)}; ${percent(deliveryShares.ofFirm)}`,
        share('shares', 'SEMEL_OUTBOX_CONCURRENCY'),
        `the delivery is postponed by ${time(places.firstMs)} to ${time(places.longestMs)}, without spending an attempt`,
      ],
      [
        'Time of one delivery',
        defaultOf('SEMEL_OUTBOX_TIMEOUT_MS', time),
        by('SEMEL_OUTBOX_TIMEOUT_MS'),
        `${error('delivery_timeout')}; it spends an attempt`,
      ],
      [
        'Time for a name server, within it',
        `${time(dnsLimits.timeout)}, ${count(dnsLimits.tries)} times`,
        code,
        `${error('delivery_failed')}; it spends an attempt`,
      ],
      [
        'Failures in a row to reach a destination',
        count(breakers.failuresToOpen),
        code,
        `it is left alone for ${time(breakers.firstOpenMs)}, then twice as long each time, at most ${time(breakers.longestOpenMs)}; its effects wait without spending attempts`,
      ],
      ['Attempts', defaultOf('SEMEL_OUTBOX_ATTEMPTS'), by('SEMEL_OUTBOX_ATTEMPTS'), '`dead`'],
      [
        'Wait between attempts, and a `Retry-After`',
        time(longestRetryMs),
        code,
        'a longer `Retry-After` is cut',
      ],
      ["Body of the destination's answer", 'none is read', code, 'the connection is closed after the status'],
      [
        'Jobs of dead effects in Redis',
        kept(keptDeadJobs),
        code,
        'they are deleted; the rows in `webhook_outbox` stay',
      ],
    ],
  },
  process: {
    title: 'Every app',
    rows: [
      [
        'Time for which the event loop may be blocked',
        defaultOf('WATCHDOG_LIMIT_MS', time),
        by('WATCHDOG_LIMIT_MS'),
        'the app logs `process.stuck` and ends, [to be started again](operations.md#containers)',
      ],
      [
        'Log lines that wait to be written',
        bytes(mostWaitingBytes),
        code,
        'lines are dropped and counted (`log.dropped`); no request waits',
      ],
    ],
  },
};

const toRow = (cells) => `| ${cells.join(' | ')} |`;
const head = [toRow(['What', 'Limit', 'Set by', 'Beyond it']), '|---|---|---|---|'];

/** The sections of docs/limits.md. */
export const limitSections = Object.entries(sections).map(([name, { title, rows }]) => ({
  name,
  title,
  table: [...head, ...rows.map(toRow)].join('\n'),
}));
