import { type ClaimClass, type ClaimState, classifyClaim } from '@semel/core';
import t from 'tap';

type Claim = NonNullable<ClaimState['claim']> | 'absent';

const claims: Claim[] = ['absent', 'pending', 'queued', 'done'];
const jobs: ClaimState['job'][] = ['none', 'alive', 'failed', 'completed'];

/** The expected outcome for each state: rows are claims, columns are jobs. */
const promised: Record<Claim, Record<ClaimState['job'], ClaimClass>> = {
  absent: { none: 'new', alive: 'known_to_queue', failed: 'ended', completed: 'ended' },
  pending: { none: 'half_done', alive: 'known_to_queue', failed: 'ended', completed: 'ended' },
  queued: { none: 'ended', alive: 'known_to_claim', failed: 'ended', completed: 'known_to_claim' },
  done: {
    none: 'known_to_claim',
    alive: 'known_to_claim',
    failed: 'known_to_claim',
    completed: 'known_to_claim',
  },
};

const stateOf = (
  claim: Claim,
  job: ClaimState['job'],
  claimFirmId: string | null,
  jobFirmId: string | null,
) => ({
  claim: claim === 'absent' ? null : claim,
  claimFirmId,
  job,
  jobFirmId,
  isCopied: false,
  backlog: 0,
});

t.test('every state of claim and job, for the firm that owns them', async (t) => {
  for (const claim of claims)
    for (const job of jobs)
      t.equal(
        classifyClaim(
          stateOf(claim, job, claim === 'absent' ? null : 'us', job === 'none' ? null : 'us'),
          'us',
        ),
        promised[claim][job],
        `claim ${claim}, job ${job}`,
      );
});

t.test('a claim or job of another firm is a collision in every state', async (t) => {
  for (const claim of claims)
    for (const job of jobs) {
      if (claim !== 'absent')
        t.equal(
          classifyClaim(stateOf(claim, job, 'them', job === 'none' ? null : 'us'), 'us'),
          'collision',
          `their claim ${claim}, our job ${job}`,
        );
      if (job !== 'none')
        t.equal(
          classifyClaim(stateOf(claim, job, claim === 'absent' ? null : 'us', 'them'), 'us'),
          'collision',
          `our claim ${claim}, their job ${job}`,
        );
      if (claim !== 'absent' && job !== 'none')
        t.equal(
          classifyClaim(stateOf(claim, job, 'them', 'them'), 'us'),
          'collision',
          `their claim ${claim} and job ${job}`,
        );
    }
});

t.test('a job with an unreadable firm does not contradict the claim', async (t) => {
  for (const claim of claims)
    for (const job of jobs)
      t.equal(
        classifyClaim(stateOf(claim, job, claim === 'absent' ? null : 'us', null), 'us'),
        promised[claim][job],
        `claim ${claim}, job ${job} of nobody`,
      );
});
