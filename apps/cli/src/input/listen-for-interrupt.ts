const signals = ['SIGINT', 'SIGTERM'] as const;

/** The first Ctrl-C aborts the signal, so that the command can report what was done. A second one ends the process. */
export function listenForInterrupt(): { signal: AbortSignal; end(): void } {
  const controller = new AbortController();
  const onSignal = () => controller.abort();
  for (const name of signals) process.once(name, onSignal);
  return {
    signal: controller.signal,
    end: () => {
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
