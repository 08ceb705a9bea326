/** How far an object in a given status has come. */
export type Ranks = Readonly<Record<string, number>>;

/** The rank of a status; 0 for null and for a status that is not listed. */
export const rankIn = (ranks: Ranks, status: string | null): number =>
  status !== null && Object.hasOwn(ranks, status) ? (ranks[status] ?? 0) : 0;
