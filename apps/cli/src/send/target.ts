import type { Provider } from '@semel/core';
import { withAdmin } from '../stores/with-admin.js';
import { chooseEndpoint } from './choose-endpoint.js';

/** Where deliveries go, and what the provider would know to sign them. Never print it whole: it has the secret. */
export interface Target {
  provider: Provider;
  key: string;
  secret: string;
  /** As the provider calls it; Square and Twilio sign it. */
  publicUrl: string;
  /** Where the receiver listens. */
  receiverUrl: string;
  /** An account that the endpoint takes, where it takes only some. */
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
