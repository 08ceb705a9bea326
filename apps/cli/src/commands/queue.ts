import type { Command } from 'commander';
import { knownProvider } from '../known-provider.js';
import { type Answer, answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { withAudit } from '../stores/audited.js';
import { withRedis } from '../stores/with-redis.js';

export function queue(program: Command): void {
  const group = program.command('queue').description('the queues between receivers and workers');

  group
    .command('pause')
    .description('let no worker take events of a provider any more; they are still accepted, and wait')
    .argument('<provider>', 'such as stripe')
    .addHelpText('after', example('semel queue pause stripe'))
    .action(answering((name: string) => setPaused(name, true)));

  group
    .command('resume')
    .description('let the workers take events of a provider again')
    .argument('<provider>', 'such as stripe')
    .addHelpText('after', example('semel queue resume stripe'))
    .action(answering((name: string) => setPaused(name, false)));
}

async function setPaused(name: string, paused: boolean): Promise<Answer> {
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
    ? `Paused: no worker takes ${provider.title} events any more, and what runs now ends. They are still accepted, and wait in ` +
      `Redis (above QUEUE_BACKLOG_LIMIT in PostgreSQL): ${waiting} now. \`semel queue resume ${name}\` goes on.`
    : `Resumed: workers take ${provider.title} events again, ${waiting} wait.`;
  return { value: { provider: name, paused, waiting }, text };
}
