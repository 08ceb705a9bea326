import type { Overview } from '@semel/database/admin';
import type { QueueStatus, Status } from './read-status.js';

export interface Problem {
  what: string;
  /** The next thing to type, or to do. */
  next: string;
}

/** Longer than a worker that runs ever leaves an event alone. */
const untouchedMs = 60_000;
/** Longer than a busy day explains. */
const behindMs = 15 * 60_000;

/** `1 event`, `2 events`; the verb that follows agrees where it is given: `1 event waits`, `2 events wait`. */
const counted = (n: number, noun: string, verb = ''): string =>
  `${n} ${noun}${n === 1 ? '' : 's'}${verb === '' ? '' : ` ${verb}${n === 1 ? 's' : ''}`}`;

/** What an operator should do something about, the worst first. */
export function findProblems({ postgres, redis, overview, queues }: Status, nowMs: number): Problem[] {
  const problems: Problem[] = [];
  if (postgres.state === 'away') problems.push(split(postgres.error ?? 'PostgreSQL is away'));
  if (postgres.state === 'unmigrated')
    problems.push({
      what: `${counted(postgres.pending.length, 'migration')} to apply`,
      next: 'semel migrate',
    });
  if (redis.state === 'away') problems.push(split(redis.error ?? 'Redis is away'));
  for (const queue of queues ?? []) problems.push(...ofQueue(queue));
  if (overview !== null) problems.push(...ofRows(overview, nowMs));
  return problems;
}

function ofQueue({ provider, paused, waiting, active, oldestAgeMs }: QueueStatus): Problem[] {
  if (paused)
    return [
      {
        what: `${provider} is paused, and ${counted(waiting, 'event', 'wait')}`,
        next: `semel queue resume ${provider}`,
      },
    ];
  const ageMs = oldestAgeMs ?? 0;
  if (waiting > 0 && active === 0 && ageMs > untouchedMs)
    return [
      {
        what: `${counted(waiting, `${provider} event`, 'wait')}, and no worker takes any`,
        next: 'start a worker, or ask it: curl http://127.0.0.1:8081/readyz',
      },
    ];
  if (waiting > 0 && ageMs > behindMs)
    return [
      {
        what: `the workers are behind: ${counted(waiting, `${provider} event`, 'wait')}`,
        next: 'start more workers',
      },
    ];
  return [];
}

function ofRows(overview: Overview, nowMs: number): Problem[] {
  const { failingEndpoints, spill, quarantine, events, outbox } = overview;
  const problems: Problem[] = [];
  const spilledMs = spill.oldest === null ? 0 : nowMs - spill.oldest.getTime();
  if (spill.waiting > 0 && spilledMs > untouchedMs)
    problems.push({
      what: `${counted(spill.waiting, 'event', 'wait')} in the spill table, and no relay takes any`,
      next: 'start a worker, and look at Redis: it may be away or full',
    });
  if (spill.refusedByRedis > 0)
    problems.push({
      what: `Redis refuses ${counted(spill.refusedByRedis, 'spilled event')}`,
      next: 'look for spill.refusedByRedis in the log of the workers',
    });
  if (failingEndpoints > 0)
    problems.push({
      what: `${counted(failingEndpoints, 'endpoint')} without a 2xx, and with refusals, for an hour or longer`,
      next: 'semel endpoint list --failing',
    });
  for (const { provider, dead } of events)
    if (dead > 0)
      problems.push({
        what: `${counted(dead, `dead ${provider} event`)} in the last day`,
        next: `semel events list --provider ${provider} --outcome dead --since 1d`,
      });
  if (quarantine.open > 0)
    problems.push({
      what: `${counted(quarantine.open, 'quarantined event', 'wait')} for a decision`,
      next: 'semel quarantine list',
    });
  if (outbox.overdue > 0)
    problems.push({
      what: `${counted(outbox.overdue, 'overdue effect')}, and no worker delivers any`,
      next: 'semel outbox list --status pending',
    });
  if (outbox.dead > 0)
    problems.push({
      what: `${counted(outbox.dead, 'effect')} given up`,
      next: 'semel outbox list --status dead',
    });
  return problems;
}

function split(error: string): Problem {
  const [what = error, next = 'start it'] = error.split(' — ');
  return { what, next };
}
