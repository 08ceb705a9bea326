import type { Settings } from '@semel/config';
import type { Admin, PlainRow } from '@semel/database/admin';
import { CliError, exitCodes } from '../cli-error.js';
import { confirm } from '../input/confirm.js';
import { listenForInterrupt } from '../input/listen-for-interrupt.js';
import type { CommandResult } from '../output/command-result.js';
import { showProgress } from '../output/progress.js';
import { audited } from '../stores/audited.js';
import { toCliError } from '../to-cli-error.js';
import { type ItemResult, type RunEachResult, runEach } from './run-each.js';

export interface Bulk<Item> {
  /** The name of the action, as typed. */
  name: string;
  /** The options of the command. */
  params: PlainRow;
  /** What will be done, for programs and for people. */
  plan: { count: number; firms: readonly string[]; value: object; text: string };
  /** Completes "<Verb> 12 events?". */
  verb: string;
  items: AsyncIterable<Item>;
  run(item: Item): Promise<ItemResult>;
  rate: number;
  dryRun: boolean;
  yes: boolean;
  json: boolean;
}

/** Shows the plan, asks for confirmation, records the action, and runs the items at a limited rate. Ctrl-C stops it after the current item. */
export async function runBulk<Item>(
  admin: Admin,
  settings: Settings,
  bulk: Bulk<Item>,
): Promise<CommandResult> {
  const { plan, rate, dryRun, yes, json } = bulk;
  if (dryRun || plan.count === 0)
    return { value: { dryRun, ...plan.value, done: 0, results: {} }, text: plan.text };
  if (!json) process.stderr.write(`${plan.text}\n`);
  await confirm(`${bulk.verb} ${plan.count} events, at most ${rate} per second?`, { yes, json });

  const action = {
    name: bulk.name,
    params: { ...bulk.params, count: plan.count },
    firms: plan.firms.map((slug) => ({ slug })),
  };
  const stop = listenForInterrupt();
  const progress = showProgress(plan.count);
  try {
    const summary = await audited(admin, settings, action, async () => {
      const done = await runEach({ ...bulk, stop: stop.signal, onProgress: progress.update });
      const end = endOf(done, stop.signal.aborted);
      const firms = new Set([...plan.firms, ...done.byFirm.keys()]);
      const results = [...firms].map((slug) => ({
        firm: { slug },
        result: { ...(done.byFirm.get(slug) ?? {}), ...end },
      }));
      return { done, results };
    });
    progress.clear();
    return toCommandResult(plan, summary, stop.signal.aborted);
  } finally {
    progress.clear();
    stop.end();
  }
}

const endOf = ({ error }: RunEachResult, interrupted: boolean): PlainRow =>
  error !== null ? { error: toCliError(error).code } : interrupted ? { interrupted: true } : {};

function toCommandResult(
  plan: Bulk<unknown>['plan'],
  summary: RunEachResult,
  interrupted: boolean,
): CommandResult {
  const { done, results, error } = summary;
  const listed = Object.entries(results).map(([result, count]) => `${count} ${result}`);
  const result = {
    value: { dryRun: false, ...plan.value, done, results, interrupted },
    text: `${done} of ${plan.count}: ${listed.join(', ') || 'nothing was done'}`,
  };
  if (error !== null) {
    const { code, message, advice } = toCliError(error);
    const stopped = `stopped after ${done} of ${plan.count}: ${message}`;
    return { ...result, failure: new CliError(code, stopped, { advice: advice ?? 'run it again' }) };
  }
  if (!interrupted) return result;
  return {
    ...result,
    failure: new CliError('interrupted', `stopped after ${done} of ${plan.count}`, {
      advice: 'run it again for the rest',
      exitCode: exitCodes.interrupted,
    }),
  };
}
