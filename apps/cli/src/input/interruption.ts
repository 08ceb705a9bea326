const signals = ['SIGINT', 'SIGTERM'] as const;

/** The first Ctrl-C only says so, and what was done is shown; a second one ends the process. */
export function interruption(): { signal: AbortSignal; end(): void } {
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
