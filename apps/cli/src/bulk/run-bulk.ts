import type { Settings } from '@semel/config';
import type { Admin, PlainRow } from '@semel/database/admin';
import { CliError, exitCodes } from '../cli-error.js';
import { confirm } from '../input/confirm.js';
import { interruption } from '../input/interruption.js';
import type { Answer } from '../output/answer.js';
import { showProgress } from '../output/progress.js';
import { audited } from '../stores/audited.js';
import { toCliError } from '../to-cli-error.js';
import { type ItemResult, type RunEachResult, runEach } from './run-each.js';

export interface Bulk<Item> {
  /** As it is typed: the name of the action. */
  name: string;
  /** What was asked for. */
  params: PlainRow;
  /** What would be done, for programs and for people. */
  plan: { count: number; firms: readonly string[]; value: object; text: string };
  /** Completes "<Verb> 12 events?" */
  verb: string;
  items: AsyncIterable<Item>;
  run(item: Item): Promise<ItemResult>;
  rate: number;
  dryRun: boolean;
  yes: boolean;
  json: boolean;
}

/** Many things at once, with care: shown first, asked for, not too fast, written down, and stopped by Ctrl-C after the one under way. */
export async function runBulk<Item>(admin: Admin, settings: Settings, bulk: Bulk<Item>): Promise<Answer> {
  const { plan, rate, dryRun, yes, json } = bulk;
  if (dryRun || plan.count === 0)
    return { value: { dryRun, ...plan.value, done: 0, results: {} }, text: plan.text };
  if (!json) process.stderr.write(`${plan.text}\n`);
  await confirm(`${bulk.verb} ${plan.count} events, at most ${rate} a second?`, { yes, json });

  const action = {
    name: bulk.name,
    params: { ...bulk.params, count: plan.count },
    firms: plan.firms.map((slug) => ({ slug })),
  };
  const stop = interruption();
  const progress = showProgress(plan.count);
  try {
    const told = await audited(admin, settings, action, async () => {
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
    return toAnswer(plan, told, stop.signal.aborted);
  } finally {
    progress.clear();
    stop.end();
  }
}

const endOf = ({ error }: RunEachResult, interrupted: boolean): PlainRow =>
  error !== null ? { error: toCliError(error).code } : interrupted ? { interrupted: true } : {};

function toAnswer(plan: Bulk<unknown>['plan'], told: RunEachResult, interrupted: boolean): Answer {
  const { done, results, error } = told;
  const listed = Object.entries(results).map(([result, count]) => `${count} ${result}`);
  const answer = {
    value: { dryRun: false, ...plan.value, done, results, interrupted },
    text: `${done} of ${plan.count}: ${listed.join(', ') || 'nothing was done'}`,
  };
  if (error !== null) {
    const { code, message, advice } = toCliError(error);
    const stopped = `stopped after ${done} of ${plan.count}: ${message}`;
    return { ...answer, failure: new CliError(code, stopped, { advice: advice ?? 'run it again' }) };
  }
  if (!interrupted) return answer;
  return {
    ...answer,
    failure: new CliError('interrupted', `stopped after ${done} of ${plan.count}`, {
      advice: 'run it again for the rest',
      exitCode: exitCodes.interrupted,
    }),
  };
}
