import { randomUUID } from 'node:crypto';
import { AdminError } from './admin-error.js';
import { isTaken, type Scope, type Transaction } from './scope.js';

export interface FirmRow {
  id: string;
  slug: string;
  name: string;
  createdAt: Date;
}

export interface Firms {
  /** `slug`: lower-case letters and digits with single hyphens between them, at most 63 characters. */
  add(firm: { slug: string; name: string }): Promise<FirmRow>;
  /** Ordered by slug. */
  list(): Promise<FirmRow[]>;
}

const slugPattern = /^[a-z0-9](-?[a-z0-9])*$/;

export const firmsOf = (scope: Scope): Firms => ({
  async add({ slug, name }) {
    if (!slugPattern.test(slug) || slug.length > 63)
      throw new AdminError(
        'slug_invalid',
        `"${slug}" can't be a slug`,
        'use lower-case letters and digits with single hyphens between them, at most 63 characters',
      );
    if (name.trim() === '' || name.includes('\0'))
      throw new AdminError('input_invalid', 'The name of a firm is empty, or contains NUL', 'give it a name');
    const id = randomUUID();
    try {
      return await scope.inFirm(id, (tx) => tx.firm.create({ data: { id, slug, name } }));
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new AdminError(
        'slug_taken',
        `There is a firm "${slug}" already`,
        'use it, or choose another slug',
      );
    }
  },

  list: () => scope.everywhere((tx) => tx.firm.findMany({ orderBy: { slug: 'asc' } })),
});

/** Throws `firm_unknown`. */
export async function findFirm(tx: Transaction, slug: string): Promise<FirmRow> {
  const firm = slug.includes('\0') ? null : await tx.firm.findUnique({ where: { slug } });
  if (firm === null)
    throw new AdminError('firm_unknown', `There is no firm "${slug}"`, 'list the firms, or add it first');
  return firm;
}
