export { addressOf } from './address-of.js';
export * from './config.js';
export * from './data-dir.js';
export * from './errors.js';
export * from './render.js';
export * from './secrets.js';
export type { VariableMeta } from './variable.js';
export { providerVariables, variables } from './variables.js';
