import { createHmac, randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';

/** DocuSign's SDK has no signer. Shares no code with the verifier, so that a mistake in one shows in the other. */
export const sign: Provider['sign'] = (delivery, { secret }) => {
  const hmac = createHmac('sha256', Buffer.from(secret, 'utf8'));
  hmac.write(delivery.body);
  hmac.end();
  return {
    ...delivery,
    headers: {
      ...delivery.headers,
      'x-authorization-digest': 'HMACSHA256',
      'x-docusign-signature-1': (hmac.read() as Buffer).toString('base64'),
    },
  };
};

export const newSecret = (): string => randomBytes(32).toString('base64url');
