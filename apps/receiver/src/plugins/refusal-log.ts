import { repeat } from '@semel/core';
import type { Logger } from '@semel/telemetry';

export interface Refusal {
  provider: string;
  /** The key as it was asked for. */
  endpoint: string;
  isKnown: boolean;
  code: string;
  hint: string | null;
}

export interface RefusalLog {
  add(refusal: Refusal): void;
  stop(): Promise<void>;
}

export const everyMs = 10_000;

/**
 * Logs the first refusal of a kind at once, and those that follow as one line with their `count` every 10 seconds. Anyone can
 * send what is refused: a line for each would fill the disk.
 */
export function openRefusalLog(log: Logger): RefusalLog {
  const counts = new Map<string, Refusal & { count: number }>();

  function flush(): void {
    for (const { count, ...refusal } of counts.values())
      if (count > 0) log.warn({ ...factsOf(refusal), count }, 'webhook.rejected');
    counts.clear();
  }
  const flushing = repeat(async () => flush(), { everyMs });

  return {
    add(refusal) {
      const { provider, endpoint, isKnown, code, hint } = refusal;
      const kind = JSON.stringify([provider, isKnown ? endpoint : null, code, hint]);
      const known = counts.get(kind);
      if (known !== undefined) known.count++;
      else {
        counts.set(kind, { ...refusal, count: 0 });
        log.warn(factsOf(refusal), 'webhook.rejected');
      }
    },
    async stop() {
      await flushing.stop();
      flush();
    },
  };
}

const factsOf = ({ provider, endpoint, code, hint }: Refusal) => ({
  provider,
  endpoint: endpoint.slice(0, 64),
  code,
  ...(hint !== null && { hint }),
});
