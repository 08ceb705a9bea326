import { runCli } from '../../apps/cli/src/run-cli.js';

// Runs command lines one after the other in a warm process. Started by cli.ts.
//
// Message in: { args, env }. Message out: { code, stdout, stderr }.

const ownEnv = { ...process.env };

process.on('message', async ({ args, env }: { args: string[]; env: NodeJS.ProcessEnv }) => {
  process.env = { ...ownEnv, ...env };
  const printed = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    process[name].write = (chunk: string | Uint8Array) => {
      printed[name] += chunk;
      return true;
    };
  const code = await runCli(args);
  process.send?.({ code, ...printed });
});
