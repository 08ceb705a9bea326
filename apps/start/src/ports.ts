import type { Settings } from '@semel/config';
import { StartError, tryPort } from './servers/index.js';

/** Checks all ports before anything starts. The error names the port and the variable to change. */
export async function checkPorts(settings: Pick<Settings, 'receiver' | 'worker' | 'console'>): Promise<void> {
  const seen = new Map<number, string>();
  for (const app of ['receiver', 'worker', 'console'] as const) {
    const { host, port } = settings[app];
    const name = app.toUpperCase();
    const other = seen.get(port);
    if (other !== undefined && port !== 0) {
      throw new StartError(`${name}_PORT and ${other}_PORT are both ${port}: give them different ones`);
    }
    seen.set(port, name);
    const free = await tryPort(port, host).catch((error: NodeJS.ErrnoException) => {
      throw new StartError(
        `the ${app} can't listen on ${host}:${port} (${error.code}): set ${name}_HOST or ${name}_PORT`,
      );
    });
    if (free === null) {
      throw new StartError(
        `port ${port} of the ${app} is taken by another program: set ${name}_PORT to a free one`,
      );
    }
  }
}
