import { type openPool, type Query, withFirms } from '@semel/database';

type Pool = ReturnType<typeof openPool>;

/** Runs `work` in one transaction that sees every firm and the platform. */
export async function inAllFirms<T>(pool: Pool, work: (query: Query) => Promise<T>): Promise<T> {
  const firmIds = await withFirms(pool, { firmIds: [] }, async (query) => {
    const { rows } = await query('SELECT id FROM semel_firms()');
    return rows.map(({ id }: { id: string }) => id);
  });
  return withFirms(pool, { firmIds, platform: true }, work);
}
