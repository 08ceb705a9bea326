import { inFirms, type openPool, type Query } from '@semel/database';

type Pool = ReturnType<typeof openPool>;

/** Runs `work` in one transaction that sees every firm and the platform. */
export async function inAllFirms<T>(pool: Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const firmIds = await inFirms(pool, { firmIds: [] }, async (query) => {
    const { rows } = await query('SELECT id FROM semel_firms()');
    return rows.map(({ id }: { id: string }) => id);
  });
  return inFirms(pool, { firmIds, platform: true }, work);
}
