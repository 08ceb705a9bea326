import type { Provider } from '@semel/core';
import { withAdmin } from '../stores/with-admin.js';
import { chooseEndpoint } from './choose-endpoint.js';

/** Where deliveries go, and what signs them. Contains the secret: never print it as a whole. */
export interface Target {
  provider: Provider;
  key: string;
  secret: string;
  /** The address that the provider calls; Square and Twilio sign it. */
  publicUrl: string;
  /** The address at which the receiver listens. */
  receiverUrl: string;
  /** An account of the endpoint's list; null if the endpoint takes any. */
  account: string | null;
}

export interface TargetOptions {
  provider: Provider;
  endpoint: string | undefined;
  url: string | undefined;
}

export const findTarget = ({ provider, endpoint, url }: TargetOptions): Promise<Target> =>
  withAdmin(async (admin, settings) => {
    const { baseUrl } = await import('@semel/config');
    const { key, publicUrl, accounts } = await chooseEndpoint(admin, provider.name, endpoint);
    return {
      provider,
      key,
      secret: await admin.endpoints.readSecret({ key, provider: provider.name }),
      publicUrl: publicUrl ?? settings.publicBaseUrl,
      receiverUrl: (url ?? baseUrl(settings.receiver)).replace(/\/+$/, ''),
      account: accounts[0] ?? null,
    };
  });
