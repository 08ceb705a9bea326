import { type ClaimLook, judge, type Verdict } from '@semel/core';
import t from 'tap';

type Claim = NonNullable<ClaimLook['claim']> | 'absent';

const claims: Claim[] = ['absent', 'pending', 'queued', 'done'];
const jobs: ClaimLook['job'][] = ['none', 'alive', 'failed', 'completed'];

/** What the design promises, state by state: rows are claims, columns are jobs. */
const promised: Record<Claim, Record<ClaimLook['job'], Verdict>> = {
  absent: { none: 'new', alive: 'known to queue', failed: 'over', completed: 'over' },
  pending: { none: 'half done', alive: 'known to queue', failed: 'over', completed: 'over' },
  queued: { none: 'over', alive: 'known to claim', failed: 'over', completed: 'known to claim' },
  done: {
    none: 'known to claim',
    alive: 'known to claim',
    failed: 'known to claim',
    completed: 'known to claim',
  },
};

const look = (claim: Claim, job: ClaimLook['job'], claimOwner: string | null, jobOwner: string | null) => ({
  claim: claim === 'absent' ? null : claim,
  claimOwner,
  job,
  jobOwner,
  isCopied: false,
});

t.test('every state of claim and job, seen by their owner', async (t) => {
  for (const claim of claims)
    for (const job of jobs)
      t.equal(
        judge(look(claim, job, claim === 'absent' ? null : 'us', job === 'none' ? null : 'us'), 'us'),
        promised[claim][job],
        `claim ${claim}, job ${job}`,
      );
});

t.test('another owner of the claim, or of the job, is a collision in every state', async (t) => {
  for (const claim of claims)
    for (const job of jobs) {
      if (claim !== 'absent')
        t.equal(
          judge(look(claim, job, 'them', job === 'none' ? null : 'us'), 'us'),
          'collision',
          `their claim ${claim}, our job ${job}`,
        );
      if (job !== 'none')
        t.equal(
          judge(look(claim, job, claim === 'absent' ? null : 'us', 'them'), 'us'),
          'collision',
          `our claim ${claim}, their job ${job}`,
        );
      if (claim !== 'absent' && job !== 'none')
        t.equal(
          judge(look(claim, job, 'them', 'them'), 'us'),
          'collision',
          `their claim ${claim} and job ${job}`,
        );
    }
});

t.test('a job whose owner can not be read says nothing against the claim', async (t) => {
  for (const claim of claims)
    for (const job of jobs)
      t.equal(
        judge(look(claim, job, claim === 'absent' ? null : 'us', null), 'us'),
        promised[claim][job],
        `claim ${claim}, job ${job} of nobody`,
      );
});
