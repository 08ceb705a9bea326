import t from 'tap';
import type { Failpoint } from '../../support/failpoints.js';
import { providerNames } from '../bodies.js';
import { firstOutcome, startJudgedHarness } from './judged-harness.js';

// A receiver dies at one point of a request. The provider retries at the other receiver.

// A generous budget: a slow machine must not look like an unreachable store.
const harness = await startJudgedHarness({ settings: { budgetMs: 20_000 }, patience: 8 });
const [dying, other] = harness.receivers.map(({ app }) => app) as [
  (typeof harness.receivers)[0]['app'],
  (typeof harness.receivers)[0]['app'],
];

/** Each event's first attempt goes to the receiver that dies, later ones to the other. */
let attempt = 0;
const senders = harness.sendersWith({
  receivers: [
    {
      get port() {
        return attempt++ === 0 ? dying.port : other.port;
      },
    },
  ],
});

const rows: { name: string; at: Failpoint; answer: string }[] = [
  { name: '1. receiver dies before the claim', at: 'accept.beforeClaim', answer: 'accepted' },
  { name: '2. receiver dies after the claim, before the enqueue', at: 'accept.claimed', answer: 'duplicate' },
  {
    name: '3. receiver dies after the enqueue, before the confirm',
    at: 'accept.enqueued',
    answer: 'duplicate',
  },
  {
    name: '4. receiver dies after the confirm, before the response',
    at: 'accept.confirmed',
    answer: 'duplicate',
  },
];

for (const { name, at, answer } of rows)
  t.test(name, async (t) => {
    for (const provider of providerNames) {
      await dying.arm({ at, action: 'exit' });
      attempt = 0;
      const sent = await senders.send(harness.next(provider));
      t.ok(await dying.exitAt(at, 5_000), `${provider}: it died there`);
      t.ok(sent.unanswered >= 1, 'without an answer');
      t.equal(firstOutcome(sent), answer, `${provider}: the retry is ${answer}`);
      await dying.start();
    }
    const { ledgerDuplicates } = await harness.judge(t);
    t.equal(ledgerDuplicates, 0, 'each event had one job');
  });
