import type { Provider } from '@semel/core';
import { CliError, exitCodes } from './cli-error.js';

/** The provider with this name. Throws `provider_unknown`, whose advice lists the known ones. */
export async function knownProvider(name: string): Promise<Provider> {
  const { providerNamed, providers } = await import('@semel/providers');
  const provider = providerNamed(name);
  if (provider !== null) return provider;
  throw new CliError('provider_unknown', `there is no provider "${name}"`, {
    advice: `choose one of: ${providers.map((known) => known.name).join(', ')}`,
    exitCode: exitCodes.usage,
  });
}
