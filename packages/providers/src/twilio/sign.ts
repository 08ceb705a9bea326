import { randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';
import webhooks from 'twilio/lib/webhooks/webhooks.js';

/** Signs with the SDK. If the URL has `bodySHA256`, only the URL is signed. */
export const sign: Provider['sign'] = (delivery, { url, secret }) => {
  const params = new URL(url).searchParams.has('bodySHA256') ? {} : paramsOf(delivery.body.toString('utf8'));
  const signature = webhooks.getExpectedTwilioSignature(secret, url, params);
  return { ...delivery, headers: { ...delivery.headers, 'x-twilio-signature': signature } };
};

function paramsOf(form: string): Record<string, string | string[]> {
  const search = new URLSearchParams(form);
  const params: Record<string, string | string[]> = Object.create(null);
  for (const name of new Set(search.keys())) {
    const values = search.getAll(name);
    params[name] = values.length === 1 ? (values[0] ?? '') : values;
  }
  return params;
}

export const newSecret = (): string => randomBytes(16).toString('hex');
