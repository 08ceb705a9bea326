export { buildReceiver, type ReceiverOptions } from './app.js';
