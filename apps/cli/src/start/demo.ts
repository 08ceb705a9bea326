import type { DatabaseOptions } from '@semel/database';

export interface DemoEndpoint {
  provider: string;
  key: string;
  /** The paths that the provider calls. */
  paths: readonly string[];
}

export async function seedDemo(_database: DatabaseOptions): Promise<DemoEndpoint[]> {
  return [];
}
