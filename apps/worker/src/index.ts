export { buildWorker, type WorkerOptions } from './app.js';
