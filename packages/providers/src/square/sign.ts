import { createHmac, randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';

/** Square's SDK has no signer. Shares no code with the verifier, so that a mistake in one shows in the other. */
export const sign: Provider['sign'] = (delivery, { url, secret }) => {
  const signed = Buffer.concat([Buffer.from(url), delivery.body]);
  const signature = createHmac('sha256', secret).update(signed).digest('base64');
  return { ...delivery, headers: { ...delivery.headers, 'x-square-hmacsha256-signature': signature } };
};

export const newSecret = (): string => randomBytes(16).toString('base64url');
