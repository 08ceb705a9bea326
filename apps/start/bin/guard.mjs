// Runs one server for a parent process, and stops it when the parent has died: a killed parent can't clean up, but its IPC
// channel closes. Started by src/servers/guarded.ts.
//
// Message in: { signal }, passed on to the server. Messages out: { pid }, { error }, and { code, signal } when it exits.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const { command, args, options, orphan, removeDir } = JSON.parse(process.argv[2]);

const tell = (message) => {
  if (process.connected) process.send(message, () => undefined); // the parent may die at this moment
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
  // Backends of a killed postmaster take a moment to exit; a file that they write later would survive the removal.
  if (removeDir && !process.connected) {
    rmSync(removeDir, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
  }
  setTimeout(() => process.exit(code), 50);
}
