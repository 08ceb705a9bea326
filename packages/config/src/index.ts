export * from './config.js';
export * from './data-dir.js';
export * from './errors.js';
export * from './providers.js';
export * from './render.js';
export * from './secrets.js';
export { type Variable, variables } from './variables.js';
