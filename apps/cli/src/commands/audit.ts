import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { PlainRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { writeAudit } from '../audit/write-audit.js';
import { CliError, usageError } from '../cli-error.js';
import { parseSince } from '../input/since.js';
import { example } from '../output/example.js';
import { addListOptions, type ListOptions, pageById, toListAction } from '../output/listing.js';
import { safeText } from '../output/safe-text.js';
import type { Cell } from '../output/table.js';
import { writeOut } from '../output/write-out.js';
import { withAdmin } from '../stores/with-admin.js';

interface Options {
  firm: string;
  from: Date;
  to: Date;
  output?: string;
  bodies?: true;
}

interface AuditListOptions extends ListOptions {
  firm?: string;
  action?: string;
  since?: Date;
}

export function audit(program: Command): void {
  const group = program.command('audit').description('the history of a firm, and the actions of operators');

  group
    .command('export')
    .description("write a firm's events and their history as NDJSON; the last line has the SHA-256")
    .requiredOption('--firm <slug>', 'slug of the firm')
    .requiredOption('--from <time>', 'start of the range: an ISO time, or an age such as 30d', (text) =>
      parseSince(text),
    )
    .requiredOption('--to <time>', 'end of the range, exclusive', (text) => parseSince(text))
    .option('--output <file>', 'write to this file (default: standard output)')
    .option('--bodies', 'include the exact bodies, in base64')
    .addHelpText(
      'after',
      example('semel audit export --firm acme --from 2026-10-01 --to 2026-11-01 --output acme.ndjson'),
    )
    .action((options: Options, command: Command) =>
      exportAudit(options, command.optsWithGlobals().json === true),
    );

  const list = group
    .command('list')
    .description('list the actions of operators, newest first; one without a result did not end')
    .option('--firm <slug>', 'only actions on this firm')
    .option('--action <action>', 'only this command, as typed: "queue pause"')
    .option('--since <time>', 'only actions since this time: ISO, or an age such as 15m, 2h, 3d', (text) =>
      parseSince(text),
    );
  addListOptions(list)
    .addHelpText('after', example('semel audit list --since 1d'))
    .action(
      toListAction<AuditListOptions, PlainRow, string>(({ firm, ndjson: _, limit: __, ...options }) => {
        const filter = { ...options, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: async (admin, after, limit) =>
            pageById(
              await admin.actions.list({ ...filter, limit, ...(after === null ? {} : { after }) }),
              limit,
            ),
          titles: ['AT', 'OPERATOR', 'ACTION', 'FIRM', 'PARAMS', 'RESULT'],
          cells: ({ at, operator, action, firmSlug, params, result }) => [
            ...([at, operator, action, firmSlug] as Cell[]),
            JSON.stringify(params),
            result === null ? null : JSON.stringify(result),
          ],
          empty: 'There is no action.',
        };
      }),
    );
}

async function exportAudit({ firm, from, to, output, bodies }: Options, json: boolean): Promise<void> {
  if (from >= to) throw usageError('--from is not before --to', 'give an earlier --from');
  if (json && output === undefined)
    throw usageError('--json prints only the summary', 'add --output for the lines');
  const about = { firm, from: from.toISOString(), to: to.toISOString(), bodies: bodies === true };
  await withAdmin(async (admin) => {
    const lines = admin.audit.lines({ firmSlug: firm, from, to, bodies: bodies === true });
    if (output === undefined) {
      await writeAudit(lines, process.stdout, about);
      return;
    }
    const summary = await writeFileWhole(output, (out) => writeAudit(lines, out, about));
    const text = `Wrote ${summary.lines} lines to ${safeText(output)}, SHA-256 ${summary.sha256}.`;
    await writeOut(`${json ? JSON.stringify({ ...about, output, ...summary }) : text}\n`);
  });
}

/** Renames the file only once it is complete, so that half an export never looks whole. */
async function writeFileWhole<T>(
  file: string,
  work: (out: ReturnType<typeof createWriteStream>) => Promise<T>,
): Promise<T> {
  const part = `${file}.part`;
  const out = createWriteStream(part, { mode: 0o600 });
  const failed = new Promise<never>((_, reject) => {
    out.on('error', (error: NodeJS.ErrnoException) =>
      reject(
        new CliError('output_unwritable', `${file} can't be written (${error.code})`, {
          advice: 'name another file',
        }),
      ),
    );
  });
  try {
    const done = await Promise.race([work(out), failed]);
    out.end();
    await Promise.race([finished(out), failed]);
    await rename(part, file);
    return done;
  } catch (error) {
    out.destroy();
    await rm(part, { force: true });
    throw error;
  }
}
