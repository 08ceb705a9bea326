import { setTimeout as sleep } from 'node:timers/promises';
import { identityOf, mainTypeOf, type TestEndpoint, type World } from './world.js';

export interface Acknowledged {
  eventId: string;
  outcome: string | null;
  atMs: number;
}

export interface SteadyLoad {
  /** What was answered 200, in that order; `atMs` on the clock of `performance`. */
  readonly acknowledged: readonly Acknowledged[];
  /** How many answers were none, or 5xx. */
  readonly refused: number;
  /** Answers below 500 that were not 200: a fault of ours must never be one. */
  readonly wrong: readonly number[];
  /** Returns once each event that was begun is acknowledged. */
  stop(): Promise<void>;
}

/** Sends signed events of one endpoint, and each again and again until it is acknowledged, as providers do. */
export function startLoad(
  world: World,
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
      const { body, channel } = world.buildBody(endpoint, type);
      const { eventId } = identityOf(endpoint.provider, body, channel);
      for (;;) {
        const receiver = Math.floor(Math.random() * world.receivers.length);
        const answer = await world.send(endpoint, type, { body, receiver }).catch(() => null);
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
