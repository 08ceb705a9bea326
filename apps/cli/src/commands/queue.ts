import type { Command } from 'commander';
import { knownProvider } from '../known-provider.js';
import { type CommandResult, toAction } from '../output/command-result.js';
import { example } from '../output/example.js';
import { withAudit } from '../stores/audited.js';
import { withRedis } from '../stores/with-redis.js';

export function queue(program: Command): void {
  const group = program.command('queue').description('the queues between receivers and workers');

  group
    .command('pause')
    .description('pause a queue: events of the provider are still accepted, and wait')
    .argument('<provider>', 'name of the provider, such as stripe')
    .addHelpText('after', example('semel queue pause stripe'))
    .action(toAction((name: string) => setPaused(name, true)));

  group
    .command('resume')
    .description('resume a queue: workers apply events of the provider again')
    .argument('<provider>', 'name of the provider, such as stripe')
    .addHelpText('after', example('semel queue resume stripe'))
    .action(toAction((name: string) => setPaused(name, false)));
}

async function setPaused(name: string, paused: boolean): Promise<CommandResult> {
  const provider = await knownProvider(name);
  const waiting = await withAudit(
    { name: paused ? 'queue pause' : 'queue resume', params: { provider: name } },
    () =>
      withRedis(async (redis) => {
        const { pauseQueue, readQueueStats, resumeQueue } = await import('@semel/queue');
        await (paused ? pauseQueue : resumeQueue)(redis, name);
        const { jobs } = await readQueueStats(redis, name);
        return jobs.waiting + jobs.paused + jobs.prioritized;
      }),
    (count) => ({ firm: null, result: { paused, waiting: count } }),
  );
  const text = paused
    ? `Paused: workers finish the ${provider.title} events that run now, and start no more. New ones are still accepted, and wait in ` +
      `Redis (above QUEUE_BACKLOG_LIMIT in PostgreSQL): ${waiting} now. Resume with \`semel queue resume ${name}\`.`
    : `Resumed: workers apply ${provider.title} events again; ${waiting} wait.`;
  return { value: { provider: name, paused, waiting }, text };
}
