import type { Overview } from '@semel/database';
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

/** What an operator should do something about, the worst first. */
export function findProblems({ postgres, redis, overview, queues }: Status, nowMs: number): Problem[] {
  const problems: Problem[] = [];
  if (postgres.state === 'away') problems.push(split(postgres.error ?? 'PostgreSQL is away'));
  if (postgres.state === 'unmigrated')
    problems.push({ what: `${postgres.pending.length} migrations are not applied`, next: 'semel migrate' });
  if (redis.state === 'away') problems.push(split(redis.error ?? 'Redis is away'));
  for (const queue of queues ?? []) problems.push(...ofQueue(queue));
  if (overview !== null) problems.push(...ofRows(overview, nowMs));
  return problems;
}

function ofQueue({ provider, paused, waiting, active, oldestAgeMs }: QueueStatus): Problem[] {
  if (paused)
    return [
      { what: `${provider} is paused, and ${waiting} events wait`, next: `semel queue resume ${provider}` },
    ];
  const ageMs = oldestAgeMs ?? 0;
  if (waiting > 0 && active === 0 && ageMs > untouchedMs)
    return [
      {
        what: `${waiting} ${provider} events wait and no worker takes them`,
        next: 'start a worker, or ask it: curl http://127.0.0.1:8081/readyz',
      },
    ];
  if (waiting > 0 && ageMs > behindMs)
    return [
      { what: `the workers are behind: ${waiting} ${provider} events wait`, next: 'start more workers' },
    ];
  return [];
}

function ofRows(overview: Overview, nowMs: number): Problem[] {
  const { failingEndpoints, spill, quarantine, events, outbox } = overview;
  const problems: Problem[] = [];
  const spilledMs = spill.oldest === null ? 0 : nowMs - spill.oldest.getTime();
  if (spill.waiting > 0 && spilledMs > untouchedMs)
    problems.push({
      what: `${spill.waiting} events wait in the spill table and no relay takes them`,
      next: 'start a worker, and look at Redis: it may be away or full',
    });
  if (spill.steppedAside > 0)
    problems.push({
      what: `${spill.steppedAside} spilled events are refused by Redis`,
      next: 'look for spill.steppedAside in the log of the workers',
    });
  if (failingEndpoints > 0)
    problems.push({
      what: `${failingEndpoints} endpoints have refused every delivery for an hour or longer`,
      next: 'semel endpoint list --failing',
    });
  for (const { provider, dead } of events)
    if (dead > 0)
      problems.push({
        what: `${dead} ${provider} events of the last day are dead`,
        next: `semel events list --provider ${provider} --outcome dead --since 1d`,
      });
  if (quarantine.open > 0)
    problems.push({
      what: `${quarantine.open} deliveries in quarantine wait for a decision`,
      next: 'semel quarantine list',
    });
  if (outbox.overdue > 0)
    problems.push({
      what: `${outbox.overdue} effects are overdue and no worker delivers them`,
      next: 'semel outbox list --status pending',
    });
  if (outbox.dead > 0)
    problems.push({
      what: `${outbox.dead} effects were given up`,
      next: 'semel outbox list --status dead',
    });
  return problems;
}

function split(error: string): Problem {
  const [what = error, next = 'start it'] = error.split(' — ');
  return { what, next };
}
