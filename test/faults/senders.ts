import { setTimeout as sleep } from 'node:timers/promises';
import { type EventFacts, eventIdOf, type ProviderName, requestOf } from './bodies.js';
import type { EventKind, PlannedEvent } from './plan.js';
import { post } from './post.js';
import { type Random, randomOf } from './random.js';

/** A provider's documented timeouts and retries, a hundred to ten thousand times faster. */
interface Habits {
  timeoutMs: number;
  /** Delays before the second, third, … attempt; the last one repeats if the provider sends until acknowledged. */
  waitsMs: readonly number[];
  untilAcknowledged: boolean;
  /** Twilio: any answer ends the delivery; only a failed connection is retried. */
  retriesAnswers: boolean;
}

const habits: Record<ProviderName, Habits> = {
  // Exponential for three days.
  stripe: {
    timeoutMs: 4_000,
    waitsMs: [100, 200, 400, 800, 1_600, 3_000],
    untilAcknowledged: true,
    retriesAnswers: true,
  },
  // 1, 2, 4, 8, 16, 32, 60 minutes, then hours.
  square: {
    timeoutMs: 4_000,
    waitsMs: [50, 100, 200, 400, 800, 1_600, 3_000],
    untilAcknowledged: true,
    retriesAnswers: true,
  },
  // With "require acknowledgement": doubling waits; 100 s to answer.
  docusign: {
    timeoutMs: 10_000,
    waitsMs: [200, 400, 800, 1_600, 3_000],
    untilAcknowledged: true,
    retriesAnswers: true,
  },
  // One quick retry, then none.
  twilio: { timeoutMs: 5_000, waitsMs: [20], untilAcknowledged: false, retriesAnswers: false },
};

/** What a sender knows about one event in the end. */
export interface Sent {
  facts: EventFacts;
  kind: EventKind;
  eventId: string;
  firmId: string;
  endpointId: string;
  /** Attempts that were started, and how each ended. */
  deliveries: number;
  outcomes: Map<string, number>;
  unanswered: number;
  /** When the last 2xx came, and when its attempt started; null: none came. Milliseconds since 1970. */
  acknowledgedAtMs: number | null;
  acknowledgedBeganMs: number;
  untilAcknowledged: boolean;
}

export interface Firm {
  id: string;
  slug: string;
  endpoints: Record<ProviderName, { id: string; key: string; secret: string }>;
}

export interface SenderOptions {
  firms: readonly Firm[];
  receivers: readonly { port: number }[];
  publicBaseUrl: string;
  seed: number;
  /** Multiplies the provider's timeout, for tests that would misread a late answer of a busy machine. */
  patience?: number;
}

export class Senders {
  readonly sent: Sent[] = [];
  /** Deliveries in flight or waiting for their next attempt. */
  unresolved = 0;
  /** How long each answer took, milliseconds. */
  readonly answerMs: number[] = [];
  /** Authentic deliveries that were refused with a 4xx. */
  readonly refusals: string[] = [];
  #stopped = false;
  readonly #options: SenderOptions;
  readonly #random: Random;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#random = randomOf(options.seed, 'senders');
  }

  /** Stops all attempts: unacknowledged events stay unacknowledged. */
  stop(): void {
    this.#stopped = true;
  }

  /** Sends an event as its provider does, with the planned redeliveries. Returns the result. */
  async send(event: PlannedEvent, firm = event.firm): Promise<Sent> {
    const sent = this.record(event, firm);
    await this.deliver(sent, event.kind === 'forged');
    for (let i = 0; i < event.resends && !this.#stopped; i++) {
      await sleep(this.#random.int(0, 300));
      await this.deliver(sent, false);
    }
    return sent;
  }

  record({ facts, kind }: PlannedEvent, firmIndex: number): Sent {
    const firm = this.#options.firms[firmIndex] as Firm;
    const sent: Sent = {
      facts,
      kind,
      eventId: eventIdOf(facts),
      firmId: firm.id,
      endpointId: firm.endpoints[facts.provider].id,
      deliveries: 0,
      outcomes: new Map(),
      unanswered: 0,
      acknowledgedAtMs: null,
      acknowledgedBeganMs: 0,
      untilAcknowledged: habits[facts.provider].untilAcknowledged && kind !== 'forged',
    };
    this.sent.push(sent);
    return sent;
  }

  /** One delivery with its retries. */
  async deliver(sent: Sent, forged: boolean): Promise<void> {
    const { waitsMs, untilAcknowledged, retriesAnswers } = habits[sent.facts.provider];
    this.unresolved++;
    try {
      for (let retry = 0; !this.#stopped; retry++) {
        const status = await this.#attempt(sent, retry, forged);
        if (status !== null && (status < 300 || !retriesAnswers || forged)) return;
        const wait = waitsMs[retry] ?? (untilAcknowledged ? waitsMs.at(-1) : undefined);
        if (wait === undefined || forged) return;
        await sleep(wait * (0.8 + 0.4 * this.#random.next()));
      }
    } finally {
      this.unresolved--;
    }
  }

  /** Returns the status, or null where no answer came. */
  async #attempt(sent: Sent, retry: number, forged: boolean): Promise<number | null> {
    const { facts } = sent;
    const { firms, receivers, publicBaseUrl } = this.#options;
    const firm = firms.find(({ id }) => id === sent.firmId) as Firm;
    const { key, secret } = firm.endpoints[facts.provider];
    const target = { endpointKey: key, secret: forged ? `${secret}x` : secret, publicBaseUrl };
    const request = requestOf(facts, { ...target, retry });
    const { port } = this.#random.pick(receivers);
    const timeoutMs = habits[facts.provider].timeoutMs * (this.#options.patience ?? 1);
    sent.deliveries++;
    const beganMs = Date.now();
    const answer = await post(port, request, timeoutMs);
    if (answer === null) {
      sent.unanswered++;
      return null;
    }
    this.answerMs.push(Date.now() - beganMs);
    const outcome = answer.outcome || `${answer.status} without an outcome`;
    sent.outcomes.set(outcome, (sent.outcomes.get(outcome) ?? 0) + 1);
    if (answer.status < 300) {
      sent.acknowledgedAtMs = Date.now();
      sent.acknowledgedBeganMs = beganMs;
    } else if (answer.status < 500 && !forged) this.refusals.push(`${answer.status} for ${sent.eventId}`);
    return answer.status;
  }
}
