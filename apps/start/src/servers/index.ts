export { findRedis } from './find-redis.js';
export { freePort, tryPort } from './free-port.js';
export { type Guarded, spawnGuarded } from './guarded.js';
export { type Server, startPostgresServer } from './postgres.js';
export { isAlive, startedAt } from './processes.js';
export { startRedisServer } from './redis.js';
export { StartError } from './start-error.js';
