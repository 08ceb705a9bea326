import { fileURLToPath } from 'node:url';

/**
 * The migrations of this release. As deep below the root in `src`, in `dist` and in a bundle that lies three folders deep: a
 * worker that can't find them never counts its database as migrated, and applies nothing after its first outage.
 */
export const migrationsDir = fileURLToPath(new URL('../../../prisma/migrations', import.meta.url));
