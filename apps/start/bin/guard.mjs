// Runs one server for a parent, and ends it when the parent is gone, however that came about: a parent that was
// killed can't clean up, but its IPC channel closes. Started by src/start/servers/guarded.ts.
//
// Message in: { signal }, passed on to the server. Messages out: { pid }, { error }, { code, signal } at its end.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const { command, args, options, orphan, removeDir } = JSON.parse(process.argv[2]);

const tell = (message) => {
  if (process.connected) process.send(message, () => undefined); // the parent may go at this very moment
};

const server = spawn(command, args, { ...options, stdio: ['ignore', 'inherit', 'inherit'] });

const end = () => {
  server.kill(orphan.signal);
  setTimeout(() => server.kill('SIGKILL'), orphan.killAfterMs).unref();
};

server.on('spawn', () => tell({ pid: server.pid }));
server.on('error', (error) => {
  tell({ error: error.message });
  finish(1);
});
server.on('exit', (code, signal) => {
  tell({ code, signal });
  finish(0);
});
process.on('message', ({ signal }) => server.kill(signal));
process.on('disconnect', end);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);

function finish(code) {
  // Backends of a killed postmaster need a moment to notice; what they still write would survive the removal.
  if (removeDir && !process.connected) {
    rmSync(removeDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
  setTimeout(() => process.exit(code), 50);
}
