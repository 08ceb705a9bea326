import { ConfigError } from '@semel/config';
import { StartError } from './servers/index.js';
import { StartedSoFar, start } from './start.js';
import { watchParent } from './watch-parent.js';

const say = (line: string) => void process.stderr.write(`${line}\n`);

/** One Ctrl-C arrives twice: from the terminal, and from npm, which passes it on. */
const sameRequestMs = 1000;

/** The supervisor: starts everything, and stops it on a signal. It returns only by ending the process. */
export async function main(beganAtMs: number, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const running = new StartedSoFar();
  let askedAtMs = 0;
  const stop = async (code: number) => {
    if (askedAtMs > 0) {
      if (Date.now() - askedAtMs < sameRequestMs) return;
      running.kill();
      process.exit(130);
    }
    askedAtMs = Date.now();
    say('\nDraining and stopping (once more to force) …');
    await running.stop();
    say('Stopped.');
    process.exit(code);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0));
  // A closed output must not end the supervisor: the servers would keep running.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  watchParent(env, () => void stop(0));

  try {
    await start({ env, say, beganAtMs }, running);
  } catch (error) {
    if (askedAtMs > 0) return; // the stop caused the error
    const known = error instanceof StartError || error instanceof ConfigError;
    const text = known ? error.message : String((error as Error).stack ?? error);
    for (const line of text.split('\n')) say(`semel: ${line}`);
    askedAtMs = Date.now();
    await running.stop();
    process.exit(1);
  }
}
