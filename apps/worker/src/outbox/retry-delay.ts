const firstMs = 5_000;
export const longestMs = 6 * 3_600_000;

/**
 * Returns the delay after an attempt: 5 s, 15 s, 45 s … up to 6 hours, plus or minus a fifth. Twelve attempts take about a day.
 * The delay is longer if the destination asks for it (`askedMs`), up to 6 hours.
 */
export function retryDelayMs(attempt: number, scale: number, askedMs = 0, random = Math.random): number {
  const scheduledMs = Math.min(firstMs * 3 ** (attempt - 1), longestMs) * scale * (0.8 + random() * 0.4);
  return Math.round(Math.max(scheduledMs, Math.min(askedMs, longestMs)));
}
