export { findRedis } from './find-redis.js';
export { freePort, tryPort } from './free-port.js';
export { type Exit, type Guarded, spawnGuarded } from './guarded.js';
export { type PostgresOptions, type Server, startPostgresServer } from './postgres.js';
export { commandLine, endProcess, isAlive, startedAt } from './processes.js';
export { type RedisOptions, readInfo, startRedisServer } from './redis.js';
export { StartError } from './start-error.js';
