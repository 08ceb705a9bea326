import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Settings } from '@semel/config';
import type { ActionFirm, Admin, PlainRow } from '@semel/database/admin';
import { CliError } from '../cli-error.js';
import { toCliError } from '../to-cli-error.js';
import { withAdmin } from './with-admin.js';

export interface Action {
  /** `<command> <subcommand>`, as it is typed. */
  name: string;
  /** What was asked for; never a secret. */
  params: PlainRow;
  /** Whom it is about to touch; none: nobody that is known yet. */
  firms?: readonly ActionFirm[];
}

/** How it ended for each firm that it touched. */
export interface Ended<T> {
  done: T;
  results: readonly { firm: ActionFirm; result: PlainRow }[];
}

/**
 * Runs `work` between two rows of `operator_actions`: nothing is done by hand that is not written down before, and an action
 * that died halfway has a beginning without an end.
 */
export async function audited<T>(
  admin: Admin,
  settings: Settings,
  { name, params, firms = [] }: Action,
  work: () => Promise<Ended<T>>,
): Promise<T> {
  const row = { runId: randomUUID(), operator: settings.operator ?? whoRunsThis(), action: name, params };
  const touched = firms.length === 0 ? [null] : firms;
  await admin.actions.record(touched.map((firm) => ({ ...row, firm, result: null })));
  let ended: Ended<T>;
  try {
    ended = await work();
  } catch (error) {
    const result = { error: toCliError(error).code };
    // What went wrong is told all the same: without an end, the beginning says that it was tried.
    await admin.actions.record(touched.map((firm) => ({ ...row, firm, result }))).catch(() => undefined);
    throw error;
  }
  try {
    await admin.actions.record(ended.results.map((result) => ({ ...row, ...result })));
  } catch (error) {
    throw new CliError('audit_incomplete', 'it was done, but how it ended could not be written down', {
      advice: `operator_actions has its beginning, as run ${row.runId}`,
      cause: error,
    });
  }
  return ended.done;
}

/** The same with a connection of its own, where one thing is done and `work` knows to whom. */
export const withAudit = <T>(
  action: Action,
  work: (admin: Admin, settings: Settings) => Promise<T>,
  resultOf: (done: T) => { firm: ActionFirm; result?: PlainRow },
): Promise<T> =>
  withAdmin((admin, settings) =>
    audited(admin, settings, action, async () => {
      const done = await work(admin, settings);
      const { firm, result = {} } = resultOf(done);
      return { done, results: [{ firm, result }] };
    }),
  );

/** The firm of a row that may be the platform's. */
export const firmOf = (slug: string | null | undefined): ActionFirm =>
  slug === null || slug === undefined ? null : { slug };

function whoRunsThis(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}@${hostname()}`; // containers may run as a user without a name
  }
}
