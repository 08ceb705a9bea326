import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import type { TcpProxy } from '../../support/tcp-proxy.js';
import { percentile } from '../percentile.js';
import { startJudgedHarness } from './judged-harness.js';

// The network from every app to one store fails, each time in a different way.

const budgetMs = 1_000;
/** Margin for the test's own process, which sends and measures on a busy machine. */
const slackMs = 1_000;
const harness = await startJudgedHarness({ settings: { budgetMs }, patience: 4 });

const spellMs = 1_200;
const ills: [string, (ways: TcpProxy[]) => Promise<void>][] = [
  [
    'slow',
    async (ways) => {
      for (const way of ways) way.delayMs = 700;
      await sleep(spellMs);
      for (const way of ways) way.delayMs = 0;
    },
  ],
  [
    'trickling',
    async (ways) => {
      for (const way of ways) way.trickle = { bytes: 8, everyMs: 20 };
      await sleep(spellMs);
      for (const way of ways) way.trickle = null;
    },
  ],
  [
    'half-open',
    async (ways) => {
      for (const way of ways) way.halfOpen();
      await sleep(spellMs);
    },
  ],
  [
    'silent',
    async (ways) => {
      for (const way of ways) way.set('dead');
      await sleep(spellMs);
      for (const way of ways) way.set('open');
      for (const way of ways) way.cut();
    },
  ],
  [
    'reset',
    async (ways) => {
      for (let i = 0; i < 8; i++) {
        for (const way of ways) way.reset();
        await sleep(spellMs / 8);
      }
    },
  ],
];

for (const store of ['redis', 'postgres'] as const)
  t.test(`14. network to ${store} slow, trickling, half-open, silent, reset`, async (t) => {
    const ways = [...harness.receivers, ...harness.workers].map((each) => each.ways[store]);
    for (const [name, happen] of ills) {
      const before = harness.senders.answerMs.length;
      const load = harness.load();
      await sleep(200);
      await happen(ways);
      const sent = await load.end();
      const answersMs = harness.senders.answerMs.slice(before);
      const longestMs = Math.max(...answersMs);
      t.ok(longestMs < budgetMs + slackMs, `${name}: no request beyond its budget`);
      t.comment(
        `${name}: p50 ${percentile(answersMs, 0.5)} ms, longest ${longestMs} ms of ${answersMs.length}, budget ${budgetMs} ms`,
      );
      t.equal(
        sent.reduce((sum, { unanswered }) => sum + unanswered, 0),
        0,
        `${name}: each was answered`,
      );
    }
    await harness.judge(t);
  });
