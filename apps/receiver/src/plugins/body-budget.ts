export interface BodyBudget {
  /** Counts bytes of a firm's body. False: there is no room for them now, and none were counted. */
  take(firmId: string | null, bytes: number): boolean;
  giveBack(firmId: string | null, bytes: number): void;
}

/** The share of the budget that bodies of one firm may take. */
export const shareOfFirm = 1 / 2;

/**
 * Bytes of large bodies that the process holds at one time: `totalBytes`, and half of them for one firm, so that the bodies
 * of one never keep out those of all others. null is the platform.
 */
export function createBodyBudget(totalBytes: number): BodyBudget {
  const ofFirm = new Map<string | null, number>();
  let total = 0;
  return {
    take(firmId, bytes) {
      if (bytes === 0) return true;
      const held = (ofFirm.get(firmId) ?? 0) + bytes;
      if (total + bytes > totalBytes || held > totalBytes * shareOfFirm) return false;
      total += bytes;
      ofFirm.set(firmId, held);
      return true;
    },
    giveBack(firmId, bytes) {
      if (bytes === 0) return;
      total -= bytes;
      const held = (ofFirm.get(firmId) ?? 0) - bytes;
      if (held > 0) ofFirm.set(firmId, held);
      else ofFirm.delete(firmId);
    },
  };
}
