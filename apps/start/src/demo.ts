import type { Provider } from '@semel/core';
import { type AdminOptions, openAdmin } from '@semel/database/admin';
import { providers } from '@semel/providers';

export interface DemoEndpoint {
  provider: string;
  key: string;
  /** The paths that the provider calls. */
  paths: readonly string[];
}

type Admin = ReturnType<typeof openAdmin>;

const demoFirm = { slug: 'demo', name: 'Demo firm' };

/** The firm `demo` with one endpoint per provider, to send samples to. Adds only what is missing; a second run adds nothing. */
export async function seedDemo(database: Omit<AdminOptions, 'providers'>): Promise<DemoEndpoint[]> {
  const admin = openAdmin({ ...database, providers });
  try {
    await unless('slug_taken', () => admin.firms.add(demoFirm));
    const seeded: DemoEndpoint[] = [];
    for (const provider of providers) {
      const key = await demoKey(admin, provider);
      if (key !== null) seeded.push({ provider: provider.name, key, paths: pathsOf(provider, key) });
    }
    return seeded;
  } finally {
    await admin.close();
  }
}

/** null if an operator removed the endpoint: it is not added again. */
async function demoKey(admin: Admin, provider: Provider): Promise<string | null> {
  const [known] = await admin.endpoints.list({ provider: provider.name, firmSlug: demoFirm.slug });
  if (known !== undefined) return known.key;
  const added = await unless('key_taken', () =>
    admin.endpoints.add({
      provider: provider.name,
      firmSlug: demoFirm.slug,
      secrets: [provider.newSecret()],
      key: 'demo',
    }),
  );
  return added?.key ?? null;
}

const pathsOf = (provider: Provider, key: string) =>
  provider.routes.map((route) => `/webhooks/${provider.name}/${key}${route.path}`);

async function unless<T>(code: string, add: () => Promise<T>): Promise<T | null> {
  try {
    return await add();
  } catch (error) {
    if ((error as { code?: string }).code === code) return null;
    throw error;
  }
}
