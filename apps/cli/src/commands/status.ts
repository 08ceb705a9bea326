import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { safeText } from '../output/safe-text.js';
import { fields, table } from '../output/table.js';
import { findProblems } from '../status/find-problems.js';
import { type Problem, readStatus, type Status } from '../status/read-status.js';

export function status(program: Command): void {
  program
    .command('status')
    .description('show the state of stores, queues and tables; exit code 1 if something is wrong')
    .addHelpText('after', example('semel status', 'semel status --json | jq .problems'))
    .action(
      toAction(async () => {
        const found = await readStatus();
        const problems = findProblems(found, Date.now());
        const ok = problems.length === 0;
        return {
          value: { ok, problems, warnings: found.redis.warnings, ...found },
          text: describe(found, problems),
          ...(ok ? {} : { failure: toFailure(problems) }),
        };
      }),
    );
}

const toFailure = (problems: readonly Problem[]) =>
  new CliError(
    'status_wrong',
    problems.length === 1 ? 'found one problem' : `found ${problems.length} problems`,
  );

function describe(found: Status, problems: readonly Problem[]): string {
  const { postgres, redis, overview, queues } = found;
  const parts = [
    fields({
      PostgreSQL: postgres.state === 'unmigrated' ? 'up, not migrated' : postgres.state,
      Redis: redis.state,
    }),
  ];
  if (queues !== null) parts.push(table(queueTitles, queues.map(toCells), ''));
  if (overview !== null) {
    const { spill, quarantine, events, outbox } = overview;
    const sum = (outcome: 'failed' | 'dead') => events.reduce((total, row) => total + row[outcome], 0);
    parts.push(
      fields({
        endpoints: overview.endpoints,
        'spilled, waiting': spill.waiting,
        'in quarantine': quarantine.open,
        'failed, last day': sum('failed'),
        'dead, last day': sum('dead'),
        'effects pending': outbox.pending,
        'effects dead': outbox.dead,
      }),
    );
  }
  for (const warning of redis.warnings) parts.push(`Warning: ${safeText(warning)}`);
  parts.push(
    problems.length === 0
      ? 'All is well.'
      : problems.map(({ what, next }) => `Wrong: ${safeText(what)}\n  → ${safeText(next)}`).join('\n'),
  );
  return parts.join('\n\n');
}

const queueTitles = ['QUEUE', 'STATE', 'WAITING', 'ACTIVE', 'DELAYED', 'FAILED', 'OLDEST'];

const toCells = (queue: NonNullable<Status['queues']>[number]) => [
  queue.provider,
  queue.paused ? 'paused' : 'running',
  queue.waiting,
  queue.active,
  queue.delayed,
  queue.failed,
  queue.oldestAgeMs === null ? null : duration(queue.oldestAgeMs),
];

function duration(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.round(seconds / 3_600)} h` : `${Math.round(seconds / 86_400)} d`;
}
