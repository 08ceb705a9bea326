import type { ClaimState } from './ports.js';

export type ClaimClass =
  /** The claim or the job belongs to another firm. */
  | 'collision'
  | 'new'
  /** A receiver claimed the event but has not enqueued it: it is still working on it, or it died. */
  | 'half_done'
  /** Its job failed, finished or disappeared: it must be run again. */
  | 'ended'
  | 'known_to_claim'
  | 'known_to_queue';

/** Classifies a firm's delivery by its claim and job, read in one step. Claims only go forward: pending, queued, done. */
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
