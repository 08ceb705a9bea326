import type { Provider } from '@semel/core';

/** The paths of an endpoint, in the order of the provider's routes. */
export const pathsOf = (provider: Pick<Provider, 'name' | 'routes'>, key: string): string[] =>
  provider.routes.map((route) => `/webhooks/${provider.name}/${key}${route.path}`);
