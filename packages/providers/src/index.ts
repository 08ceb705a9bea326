export { providerNamed, providers } from './registry.js';
