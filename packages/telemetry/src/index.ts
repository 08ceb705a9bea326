export * from './catalogue.js';
export * from './health.js';
export * from './log-format.js';
export * from './logger.js';
export * from './metrics.js';
export { maskPhone } from './redact.js';
export * from './watchdog.js';
