import { waitUntil } from './wait-until.js';

const watched = new Set(['TCPSocketWrap', 'TCPServerWrap', 'PipeWrap', 'ProcessWrap', 'TCPConnectWrap']);

const count = () => process.getActiveResourcesInfo().filter((name) => watched.has(name)).length;

/** Call it first; the returned function, called last, fails if sockets, servers or processes are still open. */
export function leakGuard(): () => Promise<void> {
  const before = count();
  return async () => {
    await waitUntil(() => count() <= before, {
      what: 'sockets, servers and processes are closed',
      timeoutMs: 5000,
    });
  };
}
