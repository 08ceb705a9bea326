import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { finished } from 'node:stream/promises';
import type { PlainRow } from '@semel/database/admin';
import type { Command } from 'commander';
import { writeAudit } from '../audit/write-audit.js';
import { CliError, usageError } from '../cli-error.js';
import { parseSince } from '../input/since.js';
import { example } from '../output/example.js';
import { byId, type Listed, listing, listOptions } from '../output/listing.js';
import { safeText } from '../output/safe-text.js';
import type { Cell } from '../output/table.js';
import { writeOut } from '../output/write-out.js';
import { withAdmin } from '../stores/with-admin.js';

interface Asked {
  firm: string;
  from: Date;
  to: Date;
  output?: string;
  bodies?: true;
}

interface ListAsked extends Listed {
  firm?: string;
  action?: string;
  since?: Date;
}

export function audit(program: Command): void {
  const group = program.command('audit').description('what happened to a firm, and what operators did');

  group
    .command('export')
    .description("write all that is known of a firm's events as NDJSON; the last line has its SHA-256")
    .requiredOption('--firm <slug>', 'the firm')
    .requiredOption('--from <time>', 'received, or done, at this time or later: ISO, or 30d ago', (text) =>
      parseSince(text),
    )
    .requiredOption('--to <time>', 'and before this time', (text) => parseSince(text))
    .option('--output <file>', 'write to this file; none given: to standard output')
    .option('--bodies', 'with the exact bodies, in base64')
    .addHelpText(
      'after',
      example('semel audit export --firm acme --from 2026-10-01 --to 2026-11-01 --output acme.ndjson'),
    )
    .action((asked: Asked, command: Command) => exportAudit(asked, command.optsWithGlobals().json === true));

  const list = group
    .command('list')
    .description('list what operators did by hand, the newest first; without a result: it only began')
    .option('--firm <slug>', 'only to this firm')
    .option('--action <action>', 'only this, as it is typed: "queue pause"')
    .option('--since <time>', 'done at this time or later: ISO, or 15m, 2h, 3d ago', (text) =>
      parseSince(text),
    );
  listOptions(list)
    .addHelpText('after', example('semel audit list --since 1d'))
    .action(
      listing<ListAsked, PlainRow, string>(({ firm, ndjson: _, limit: __, ...asked }) => {
        const filter = { ...asked, ...(firm === undefined ? {} : { firmSlug: firm }) };
        return {
          page: async (admin, after, limit) =>
            byId(await admin.actions.list({ ...filter, limit, ...(after === null ? {} : { after }) }), limit),
          titles: ['AT', 'OPERATOR', 'ACTION', 'FIRM', 'ASKED', 'RESULT'],
          cells: ({ at, operator, action, firmSlug, params, result }) => [
            ...([at, operator, action, firmSlug] as Cell[]),
            JSON.stringify(params),
            result === null ? null : JSON.stringify(result),
          ],
          empty: 'Nobody did anything.',
        };
      }),
    );
}

async function exportAudit({ firm, from, to, output, bodies }: Asked, json: boolean): Promise<void> {
  if (from >= to) throw usageError('--from is not before --to', 'give a time that is');
  if (json && output === undefined)
    throw usageError('--json prints the summary, and the lines need a place of their own', 'add --output');
  const about = { firm, from: from.toISOString(), to: to.toISOString(), bodies: bodies === true };
  await withAdmin(async (admin) => {
    const lines = admin.audit.lines({ firmSlug: firm, from, to, bodies: bodies === true });
    if (output === undefined) {
      await writeAudit(lines, process.stdout, about);
      return;
    }
    const summary = await intoFile(output, (out) => writeAudit(lines, out, about));
    const text = `Wrote ${summary.lines} lines to ${safeText(output)}, SHA-256 ${summary.sha256}.`;
    await writeOut(`${json ? JSON.stringify({ ...about, output, ...summary }) : text}\n`);
  });
}

/** Under its name only when it is whole: half an export must not look like one. */
async function intoFile<T>(
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
