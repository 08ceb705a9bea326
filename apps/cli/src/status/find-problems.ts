import type { Overview } from '@semel/database/admin';
import type { Problem, QueueStatus, Status } from './read-status.js';

/** A running worker starts an event much sooner. */
const unstartedMs = 60_000;
/** A longer backlog means that there are too few workers. */
const behindMs = 15 * 60_000;

/** `1 event`, `2 events`; with a verb that agrees: `1 event waits`, `2 events wait`. */
const counted = (n: number, noun: string, verb = ''): string =>
  `${n} ${noun}${n === 1 ? '' : 's'}${verb === '' ? '' : ` ${verb}${n === 1 ? 's' : ''}`}`;

/** What needs an operator's attention, the worst first. */
export function findProblems({ postgres, redis, overview, queues }: Status, nowMs: number): Problem[] {
  const problems: Problem[] = [];
  if (postgres.problem !== null) problems.push(postgres.problem);
  if (postgres.state === 'unmigrated')
    problems.push({
      what: `${counted(postgres.pending.length, 'migration')} to apply`,
      next: 'semel migrate',
    });
  if (redis.problem !== null) problems.push(redis.problem);
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
  if (waiting > 0 && active === 0 && ageMs > unstartedMs)
    return [
      {
        what: `${counted(waiting, `${provider} event`, 'wait')}, and no worker applies any`,
        next: 'start a worker, or check it: curl http://127.0.0.1:8081/readyz',
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
  if (spill.waiting > 0 && spilledMs > unstartedMs)
    problems.push({
      what: `${counted(spill.waiting, 'event', 'wait')} in the spill table, and no worker relays any`,
      next: 'start a worker, and check Redis: it may be unreachable or full',
    });
  if (spill.refusedByRedis > 0)
    problems.push({
      what: `Redis refuses ${counted(spill.refusedByRedis, 'spilled event')}`,
      next: 'look for spill.refusedByRedis in the log of the workers',
    });
  if (failingEndpoints > 0)
    problems.push({
      what: `${counted(failingEndpoints, 'endpoint')} without a 2xx, only with refusals, for an hour or longer`,
      next: 'semel endpoint list --failing',
    });
  for (const { provider, dead, stuck } of events) {
    const filter = `--outcome dead --provider ${provider} --since 1d`;
    if (stuck > 0)
      problems.push({
        what: `${counted(stuck, `${provider} event`)} of the last day ended the worker again and again (handler_stuck)`,
        next: `fix the function that process.stuck names in the worker's log, then: semel replay ${filter}`,
      });
    if (dead > stuck)
      problems.push({
        what: `${counted(dead - stuck, `dead ${provider} event`)} in the last day`,
        next: `semel events list ${filter}`,
      });
  }
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
      what: `${counted(outbox.dead, 'dead effect')}`,
      next: 'semel outbox list --status dead',
    });
  return problems;
}
