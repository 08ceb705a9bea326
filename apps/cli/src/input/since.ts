import { InvalidArgumentError } from 'commander';

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** An ISO time, or an age: `15m`, `2h`, `3d`. An ISO time without a zone is UTC. */
export function parseSince(text: string, nowMs = Date.now()): Date {
  const ago = /^(\d{1,5})([smhd])$/.exec(text);
  if (ago !== null) return new Date(nowMs - Number(ago[1]) * unitMs[ago[2] as keyof typeof unitMs]);
  const iso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.exec(text);
  const zoned = iso?.[1] === undefined || iso[4] !== undefined ? text : `${text}Z`;
  const time = new Date(iso === null ? Number.NaN : zoned);
  if (Number.isNaN(time.getTime()))
    throw new InvalidArgumentError('Give an ISO time such as 2026-09-01T12:00Z, or 15m, 2h, 3d.');
  return time;
}
