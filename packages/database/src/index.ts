export * from './admin/index.js';
export { type ApplyChanges, applyStore } from './apply-store.js';
export { insertBody } from './bodies.js';
export { addDeliveries, countDuplicates, type DeliverySum } from './deliveries.js';
export { type Delivery, type DeliveryRecorder, deliveryRecorder } from './delivery-recorder.js';
export { type EndpointHealthRecorder, endpointHealthRecorder } from './endpoint-health.js';
export { type EndpointCache, endpointCache } from './endpoints.js';
export {
  applyFetched,
  type ClaimedPoll,
  claimPoll,
  firmsThatWant,
  settlePoll,
  type WantedEnvelope,
  wantEnvelopes,
} from './envelope-polls.js';
export { diffAgainstSchema, MigrationError } from './migrate/index.js';
export { isMigrated, listPending, migrate } from './migrate.js';
export {
  claimOutboxRow,
  markEnqueued,
  type OutboxRow,
  type OutboxSettlement,
  outboxDue,
  settleOutboxRow,
} from './outbox.js';
export { type DatabaseOptions, inFirms, openPool, type PoolOptions, type Query } from './pool.js';
export { insertQuarantine } from './quarantine.js';
export { type AppRole, appRoles, connectionAs, roleName } from './roles.js';
export {
  destinationBinding,
  type EncryptionKey,
  encryptionKey,
  sealSecret,
  secretBinding,
} from './secrets.js';
export {
  deleteSpill,
  insertSpill,
  postponeSpill,
  quarantineSpill,
  type SpillRow,
  takeDueSpill,
} from './spill.js';
export { toStoreError } from './store-error.js';
export { type BodyRef, deleteSpareBodies, keptBodies, type SpareBodies } from './sweep-bodies.js';
export {
  type FailedEvent,
  failedEvents,
  outcomesOf,
  readFailedEvents,
} from './sweep-ledger.js';
export { openSweepLock, type SweepLock } from './sweep-lock.js';
export {
  isForeign,
  type MappedRow,
  mappedQuarantine,
  readMapped,
  settleMapped,
} from './sweep-quarantine.js';
