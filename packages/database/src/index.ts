// What the apps use at run time; nothing here loads Prisma. Operator functions are in `./admin`, migrations in `./migrate`.

export { type DatabaseOptions, openPool, type PoolOptions } from './connection/pool.js';
export { type AppRole, appRoles, connectionAs, type RolePasswords, roleName } from './connection/roles.js';
export {
  destinationBinding,
  type EncryptionKey,
  encryptionKey,
  sealSecret,
  secretBinding,
} from './connection/secrets.js';
export { toStoreError } from './connection/store-error.js';
export { createEndpointCache, type EndpointCache } from './endpoint-cache.js';
export {
  applyFetched,
  type ClaimedPoll,
  claimPoll,
  completePoll,
  listFirmsToPoll,
  type WantedEnvelope,
  wantEnvelopes,
} from './envelope-polls.js';
export { type GaugeValues, readGauges } from './gauges/read-gauges.js';
export {
  claimOutboxRow,
  listDueOutbox,
  markEnqueued,
  type OutboxResult,
  type OutboxRow,
  recordOutboxResult,
} from './handlers/outbox.js';
export { acceptStore } from './ledger/accept-store.js';
export { applyStore } from './ledger/apply-store.js';
export { commitQuarantine } from './ledger/quarantine.js';
export {
  postponeSpill,
  quarantineSpill,
  type SpillRow,
  takeDueSpill,
} from './ledger/spill.js';
export { isMigrated } from './migrate/is-migrated.js';
export { type ColumnType, type EntityTable, tables } from './objects/tables.js';
export { upsertObjects } from './objects/upsert-objects.js';
export {
  type DeliveryRecorder,
  type RecordedDelivery,
  startDeliveryRecorder,
} from './recorders/delivery-recorder.js';
export { type EndpointHealthRecorder, startEndpointHealthRecorder } from './recorders/endpoint-health.js';
export { type BodyRef, deleteOrphanedBodies, listStoredBodies } from './sweeper/sweep-bodies.js';
export {
  listFailedEvents,
  readFailedEvents,
  readOutcomes,
} from './sweeper/sweep-ledger.js';
export { openSweepLock, type SweepLock } from './sweeper/sweep-lock.js';
export {
  isForeign,
  listMappedQuarantine,
  type MappedRow,
  readMapped,
  resolveMapped,
} from './sweeper/sweep-quarantine.js';
