export * from './apply-changes.js';
export * from './tables.js';
