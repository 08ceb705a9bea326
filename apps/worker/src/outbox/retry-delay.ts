const firstMs = 5_000;
const longestMs = 6 * 3_600_000;

/** 5 s, 15 s, 45 s … at most 6 hours, each a fifth more or less: twelve attempts take about a day. */
export const retryDelayMs = (attempt: number, scale: number, random = Math.random): number =>
  Math.round(Math.min(firstMs * 3 ** (attempt - 1), longestMs) * scale * (0.8 + random() * 0.4));
