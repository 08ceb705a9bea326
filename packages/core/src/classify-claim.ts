import type { ClaimState } from './ports.js';

export type ClaimClass =
  /** Claim or job belong to another firm. */
  | 'collision'
  | 'new'
  /** Another receiver is at it, or died at it. */
  | 'half_done'
  /** Its job failed, finished or vanished: it needs another run. */
  | 'ended'
  | 'known_to_claim'
  | 'known_to_queue';

/** What claim and job, seen together, say about a delivery of a firm. Claims only go forward: pending, queued, done. */
export function classifyClaim(
  { claim, claimFirmId, job, jobFirmId }: ClaimState,
  firmId: string,
): ClaimClass {
  if ((claimFirmId ?? firmId) !== firmId || (jobFirmId ?? firmId) !== firmId) return 'collision';
  if (claim === 'done') return 'known_to_claim';
  if (job === 'failed') return 'ended';
  if (job === 'alive') return claim === 'queued' ? 'known_to_claim' : 'known_to_queue';
  if (job === 'completed') return claim === 'queued' ? 'known_to_claim' : 'ended';
  if (claim === 'queued') return 'ended';
  return claim === 'pending' ? 'half_done' : 'new';
}
