const firstMs = 5_000;
const longestMs = 6 * 3_600_000;

/**
 * 5 s, 15 s, 45 s … at most 6 hours, each a fifth more or less: twelve attempts take about a day. Longer where the other
 * side asked for it (`askedMs`), though never longer than 6 hours.
 */
export function retryDelayMs(attempt: number, scale: number, askedMs = 0, random = Math.random): number {
  const scheduledMs = Math.min(firstMs * 3 ** (attempt - 1), longestMs) * scale * (0.8 + random() * 0.4);
  return Math.round(Math.max(scheduledMs, Math.min(askedMs, longestMs)));
}
