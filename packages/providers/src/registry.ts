import type { Provider } from '@semel/core';
import { docusign } from './docusign/index.js';
import { square } from './square/index.js';
import { standard } from './standard/index.js';
import { stripe } from './stripe/index.js';
import { twilio } from './twilio/index.js';

/** All providers. Routes, queues, workers, metrics and the console loop over this list. */
export const providers: readonly Provider[] = [stripe, square, docusign, twilio, standard];

export const providerNames: readonly string[] = providers.map(({ name }) => name);

const byName = new Map(providers.map((provider) => [provider.name, provider]));

export const providerNamed = (name: string): Provider | null => byName.get(name) ?? null;
