export { type ApplyChanges, applyStore } from './apply-store.js';
export { insertBody } from './bodies.js';
export { addDeliveries, countDuplicates, type DeliverySum } from './deliveries.js';
export { type EndpointCache, endpointCache } from './endpoints.js';
export { type DatabaseOptions, inFirms, openPool, type PoolOptions, type Query } from './pool.js';
export { insertQuarantine } from './quarantine.js';
export { type AppRole, appRoles, connectionAs, roleName } from './roles.js';
export { type EncryptionKey, encryptionKey } from './secrets.js';
export { toStoreError } from './store-error.js';
