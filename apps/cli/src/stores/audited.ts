import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import type { Settings } from '@semel/config';
import type { ActionFirm, Admin, PlainRow } from '@semel/database/admin';
import { CliError } from '../cli-error.js';
import { toCliError } from '../to-cli-error.js';
import { withAdmin } from './with-admin.js';

export interface Action {
  /** `<command> <subcommand>`, as typed. */
  name: string;
  /** The options of the command, without secrets. */
  params: PlainRow;
  /** The firms that it is about to change; none if they are not known yet. */
  firms?: readonly ActionFirm[];
}

/** What was done, and the result for each firm that was changed. */
export interface ActionOutcome<T> {
  done: T;
  results: readonly { firm: ActionFirm; result: PlainRow }[];
}

/**
 * Records an action in `operator_actions` before and after `work`. Nothing is done that was not recorded first. An action
 * whose process died has only its first record.
 */
export async function audited<T>(
  admin: Admin,
  settings: Settings,
  { name, params, firms = [] }: Action,
  work: () => Promise<ActionOutcome<T>>,
): Promise<T> {
  const row = { runId: randomUUID(), operator: settings.operator ?? currentUser(), action: name, params };
  const touched = firms.length === 0 ? [null] : firms;
  await admin.actions.record(touched.map((firm) => ({ ...row, firm, result: null })));
  let outcome: ActionOutcome<T>;
  try {
    outcome = await work();
  } catch (error) {
    const result = { error: toCliError(error).code };
    // If this record fails, the first one still shows the attempt; the original error is reported.
    await admin.actions.record(touched.map((firm) => ({ ...row, firm, result }))).catch(() => undefined);
    throw error;
  }
  try {
    await admin.actions.record(outcome.results.map((result) => ({ ...row, ...result })));
  } catch (error) {
    throw new CliError('audit_incomplete', 'the command was done, but its result could not be recorded', {
      advice: `see its first record in operator_actions, run ${row.runId}`,
      cause: error,
    });
  }
  return outcome.done;
}

/** Opens a connection and records a single action; `resultOf` names the firm and the result. */
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

/** The firm with this slug; null for the platform. */
export const firmOf = (slug: string | null | undefined): ActionFirm =>
  slug === null || slug === undefined ? null : { slug };

function currentUser(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    return `uid ${process.getuid?.() ?? '?'}@${hostname()}`; // a container may run as a user without a name
  }
}
