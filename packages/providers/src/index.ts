export { type BodyThread, type BodyThreadOptions, openBodyThread } from './body-thread.js';
export { type BareEnvelope, bareEnvelopeOf } from './docusign/bare-message.js';
export { changesOfAnswer } from './docusign/changes.js';
export {
  type DocusignCredentials,
  EnvelopeReadError,
  type EnvelopeReader,
  openEnvelopeReader,
} from './docusign/read-envelope.js';
export { providerNamed, providerNames, providers } from './registry.js';
