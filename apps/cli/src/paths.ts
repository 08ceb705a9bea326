import type { Provider } from '@semel/core';

/** The paths that the provider calls for this endpoint, in the order of its routes. */
export const pathsOf = (provider: Pick<Provider, 'name' | 'routes'>, key: string): string[] =>
  provider.routes.map((route) => `/webhooks/${provider.name}/${key}${route.path}`);
