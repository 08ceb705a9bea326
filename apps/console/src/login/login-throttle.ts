import { isIPv6 } from 'node:net';

const allowedFailures = 10;
const windowMs = 60_000;
/** More addresses than this are not remembered; the oldest are forgotten first. */
const capacity = 10_000;

export interface Damper {
  /** Seconds until this address may try again; 0: now. */
  waitSeconds(address: string): number;
  failed(address: string): void;
}

/** Slows down who guesses passwords: ten wrong ones per address and minute. In this process's memory alone. */
export function createDamper(now: () => number): Damper {
  const failures = new Map<string, { count: number; untilMs: number }>();
  return {
    waitSeconds(address) {
      const entry = failures.get(networkOf(address));
      if (entry === undefined || entry.count < allowedFailures) return 0;
      return Math.max(0, Math.ceil((entry.untilMs - now()) / 1_000));
    },
    failed(address) {
      const key = networkOf(address);
      const entry = failures.get(key);
      if (entry !== undefined && entry.untilMs > now()) {
        entry.count++;
        return;
      }
      failures.delete(key); // so that it is set as the newest
      failures.set(key, { count: 1, untilMs: now() + windowMs });
      const [oldest] = failures.keys();
      if (failures.size > capacity && oldest !== undefined) failures.delete(oldest);
    },
  };
}

/** One host has a whole /64 of IPv6 addresses to try from. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  if (tail !== undefined) groups.push('0', '0', '0', '0');
  return groups.slice(0, 4).join(':');
}
