import { fileURLToPath } from 'node:url';

/**
 * The migrations of this release. The relative path holds in `src`, in `dist` and in a bundle three folders below the root. A
 * worker that can't find them treats its database as unmigrated, and applies nothing after its first outage.
 */
export const migrationsDir = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));
