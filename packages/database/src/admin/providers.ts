import type { Provider } from '@semel/core';
import { AdminError } from './admin-error.js';

/** The part of each provider that is used here. The app passes it in from packages/providers. */
export type Providers = readonly Pick<Provider, 'name' | 'ledger' | 'idScope' | 'refuseSecret'>[];

/** Throws `provider_unknown`. */
export function findProvider(providers: Providers, name: string): Providers[number] {
  const provider = providers.find((known) => known.name === name);
  if (provider !== undefined) return provider;
  const names = providers.map((known) => known.name).join(', ');
  throw new AdminError('provider_unknown', `There is no provider "${name}"`, `choose one of: ${names}`);
}
