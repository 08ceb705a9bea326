import { setTimeout as sleep } from 'node:timers/promises';
import type { Provider } from '@semel/core';
import { providers } from '@semel/providers';
import { post } from '../post.js';
import { type SiegeFirm, signed } from './firms.js';

export interface QuietSender {
  /** What it has sent since the last call. */
  take(): { acknowledged: string[]; answeredMs: number[]; refused: number };
  /** Stops sending, and waits for the last answers. */
  stop(): Promise<void>;
}

/** One sample of each provider that changes an object. */
const samples = (['stripe', 'square', 'docusign', 'twilio'] as const).map((name) => {
  const provider = providers.find((each) => each.name === name) as Provider;
  const type = {
    stripe: 'invoice.paid',
    square: 'payment.created',
    docusign: 'envelope-sent',
    twilio: 'status:sent',
  }[name];
  return { provider, sample: provider.samples.find((each) => each.type === type) ?? provider.samples[0] };
});

const everyMs = 100;
const tries = 40;

/** A firm that sends ten events a second, and each again until it is acknowledged, as providers do. */
export function startQuietFirm(firm: SiegeFirm, port: number): QuietSender {
  let acknowledged: string[] = [];
  let answeredMs: number[] = [];
  let refused = 0;
  let isStopped = false;
  const underWay = new Set<Promise<void>>();

  async function deliver(index: number): Promise<void> {
    const { provider, sample } = samples[index % samples.length] as (typeof samples)[number];
    if (sample === undefined) return;
    const { body, contentType } = sample.build({ account: null, nowMs: Date.now() });
    const endpoint = firm.endpoints[provider.name];
    if (endpoint === undefined) return;
    const { eventId } = provider.identify(body, sample.channel);
    const beganMs = performance.now();
    for (let i = 0; i < tries; i++) {
      const request = signed(provider, endpoint, body, {
        channel: sample.channel,
        headers: { 'content-type': contentType },
      });
      const answer = await post(port, request, 10_000);
      if (answer?.status === 200) {
        answeredMs.push(performance.now() - beganMs);
        acknowledged.push(`${provider.name}:${eventId}`);
        return;
      }
      await sleep(1_000);
    }
    refused++;
  }

  const sending = (async () => {
    for (let index = 0; !isStopped; index++) {
      const delivery = deliver(index).finally(() => underWay.delete(delivery));
      underWay.add(delivery);
      await sleep(everyMs);
    }
  })();
  return {
    take() {
      const taken = { acknowledged, answeredMs, refused };
      acknowledged = [];
      answeredMs = [];
      refused = 0;
      return taken;
    },
    async stop() {
      isStopped = true;
      await sending;
      await Promise.all(underWay);
    },
  };
}
