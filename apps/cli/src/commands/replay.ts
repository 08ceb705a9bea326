import type { Command } from 'commander';
import { CliError } from '../cli-error.js';
import { answering } from '../output/answer.js';
import { example } from '../output/example.js';
import { withAdmin } from '../stores/with-admin.js';
import { withRearm } from '../stores/with-rearm.js';

/** `final`: it is in its last state, and another run would only be a duplicate. */
type Result = 'armed' | 'alive' | 'final';

export function replay(program: Command): void {
  program
    .command('replay')
    .description('run an event again that failed or died; one that was applied stays as it is')
    .argument('<provider>', 'such as stripe')
    .argument('<eventId>', 'as the ledger names it')
    .addHelpText('after', example('semel replay stripe evt_123'))
    .action(
      answering(async (provider: string, eventId: string) => {
        const { result, outcome } = await rearm(provider, eventId);
        return { value: { provider, eventId, outcome, result }, text: describe(result, eventId, outcome) };
      }),
    );
}

const rearm = (provider: string, eventId: string) =>
  withAdmin(async (admin, settings): Promise<{ result: Result; outcome: string }> => {
    const { isFinal } = await import('@semel/core');
    const { event, outcome } = await admin.events.find(provider, eventId);
    if (isFinal(outcome)) return { result: 'final', outcome };
    const result = await withRearm(settings, (rearmEvent) => rearmEvent(event));
    if (result !== 'foreign') return { result, outcome };
    throw new CliError(
      'event_foreign',
      `the queue holds "${eventId}" for another firm, so it was left alone`,
      { advice: 'look at the quarantine for a delivery of that firm' },
    );
  });

function describe(result: Result, eventId: string, outcome: string): string {
  switch (result) {
    case 'armed':
      return `Armed ${eventId} (it was ${outcome}): a worker runs it now.`;
    case 'alive':
      return `${eventId} is in the queue already (last outcome: ${outcome}): its next run comes by itself.`;
    case 'final':
      return `${eventId} is ${outcome} already, and that is final: nothing was enqueued, nothing changes.`;
  }
}
