export { listPending, migrate } from './migrate.js';
