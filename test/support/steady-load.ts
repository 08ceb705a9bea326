import { setTimeout as sleep } from 'node:timers/promises';
import { type Harness, identityOf, mainTypeOf, type TestEndpoint } from './harness.js';

export interface Acknowledged {
  eventId: string;
  outcome: string | null;
  atMs: number;
}

export interface SteadyLoad {
  /** Deliveries answered 200, in order; `atMs` on the clock of `performance`. */
  readonly acknowledged: readonly Acknowledged[];
  /** Number of missing and 5xx answers. */
  readonly refused: number;
  /** Answers below 500 other than 200: a store outage must never give one. */
  readonly wrong: readonly number[];
  /** Returns once each started event is acknowledged. */
  stop(): Promise<void>;
}

/** Sends signed events of one endpoint, each repeatedly until it is acknowledged, as providers do. */
export function startLoad(
  harness: Harness,
  endpoint: TestEndpoint,
  { everyMs = 20, atOnce = 4 } = {},
): SteadyLoad {
  const type = mainTypeOf(endpoint.provider).type;
  const acknowledged: Acknowledged[] = [];
  const wrong: number[] = [];
  let refused = 0;
  let stopped = false;

  async function sender(): Promise<void> {
    while (!stopped) {
      const { body, channel } = harness.buildBody(endpoint, type);
      const { eventId } = identityOf(endpoint.provider, body, channel, endpoint);
      for (;;) {
        const receiver = Math.floor(Math.random() * harness.receivers.length);
        const answer = await harness.send(endpoint, type, { body, receiver }).catch(() => null);
        if (answer?.status === 200) {
          acknowledged.push({ eventId, outcome: answer.outcome, atMs: performance.now() });
          break;
        }
        if (answer !== null && answer.status < 500) wrong.push(answer.status);
        refused++;
        await sleep(100);
      }
      await sleep(everyMs);
    }
  }
  const senders = Array.from({ length: atOnce }, sender);
  return {
    acknowledged,
    wrong,
    get refused() {
      return refused;
    },
    async stop() {
      stopped = true;
      await Promise.all(senders);
    },
  };
}
