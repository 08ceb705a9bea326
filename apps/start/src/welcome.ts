import type { DemoEndpoint } from './demo.js';

export interface Welcome {
  seconds: number;
  receiver: string;
  worker: string;
  console: string;
  consolePassword: string;
  /** null for the default folder. */
  dataDir: string | null;
  demo: readonly DemoEndpoint[];
}

/** The lines that say what runs where, and what to try next. */
export function welcome({
  seconds,
  receiver,
  worker,
  console,
  consolePassword,
  dataDir,
  demo,
}: Welcome): string {
  const where = dataDir === null ? '' : `SEMEL_DATA_DIR=${dataDir} `;
  const semel = `${where}npx --no-install semel`;
  const first =
    demo.length > 0 ? [`${semel} send stripe invoice.paid --duplicates 2`] : [`${semel} firm add --help`];
  const tries = [...first, `${semel} events list`, `${semel} --help`];
  return [
    '',
    `Semel is up, after ${seconds.toFixed(1)} s.`,
    '',
    `  receiver  ${receiver}`,
    ...demo.flatMap(({ paths }) => paths.map((path) => `            POST ${path}`)),
    `  worker    ${worker}/metrics`,
    `  console   ${console}/queues  (user admin, password ${consolePassword})`,
    '',
    'Try next, in another terminal:',
    ...tries.map((line) => `  ${line}`),
    '',
    'Ctrl-C stops everything; the data stays.',
    '',
  ].join('\n');
}
