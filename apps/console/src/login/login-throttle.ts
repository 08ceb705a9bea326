import { isIPv6 } from 'node:net';

const allowedFailures = 10;
const windowMs = 60_000;
/** Most addresses to remember; the oldest are dropped first. */
const capacity = 10_000;

export interface LoginThrottle {
  /** Seconds until this address may try again; 0: now. */
  waitSeconds(address: string): number;
  failed(address: string): void;
}

/** Allows ten wrong passwords per address and minute. Counts only in this process's memory. */
export function createLoginThrottle(now: () => number): LoginThrottle {
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
      failures.delete(key); // a Map keeps the place of an existing key; this makes it the newest
      failures.set(key, { count: 1, untilMs: now() + windowMs });
      const [oldest] = failures.keys();
      if (failures.size > capacity && oldest !== undefined) failures.delete(oldest);
    },
  };
}

/** An IPv6 host can use a whole /64, so its addresses count as one. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address;
  const [head = '', tail] = address.split('::');
  const groups = head.split(':');
  if (tail !== undefined) groups.push('0', '0', '0', '0');
  return groups.slice(0, 4).join(':');
}
