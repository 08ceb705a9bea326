export { buildWorker, type WorkerOptions } from './app.js';
export { type Handlers, loadHandlers } from './handling/load-handlers.js';
export { isPublicAddress } from './outbox/public-address.js';
