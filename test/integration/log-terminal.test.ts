import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify, stripVTControlCharacters } from 'node:util';
import t from 'tap';

const run = promisify(execFile);
const noTerminal = existsSync('/usr/bin/script')
  ? false
  : 'script(1), which makes a terminal, is not installed';

t.test('a terminal gets text, a pipe gets JSON', { skip: noTerminal }, async (t) => {
  const program = `import('@semel/telemetry').then(({ createLogger, chooseLogFormat }) =>
    createLogger({ app: 'worker', format: chooseLogFormat(null) }).info('worker.started'))`;
  const args = ['--import=tsx', '--conditions=@semel/source', '--eval', program];
  const piped = await run(process.execPath, args);
  t.match(JSON.parse(piped.stdout), { app: 'worker', msg: 'worker.started' });
  const command = [process.execPath, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(' ');
  const shown = await run('/usr/bin/script', ['-qec', command, '/dev/null']);
  t.match(stripVTControlCharacters(shown.stdout), /INFO: worker worker\.started\s*$/);
});
