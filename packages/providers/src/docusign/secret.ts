import type { SecretRefusal } from '@semel/core';
import { commonMistakes, type Mistake, refusal, whsecMistake } from '../secret-mistake.js';

const advice =
  'copy a Connect HMAC key from the settings of the DocuSign account (Connect, Connect Keys): it is shown once, when it is made';

const mistakes: readonly Mistake[] = [
  {
    pattern: /^\{?[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\}?$/i,
    says: 'is a GUID (an integration key, its secret, an account id or a user id), not a Connect HMAC key',
  },
  // The lines of a PEM file: read from standard input, each line is a secret.
  { pattern: /^MI[A-Za-z0-9+/]{58,}/, says: 'is a part of an RSA key, not a Connect HMAC key' },
  { pattern: /^\d{5,12}$/, says: 'is the number of an account, not a Connect HMAC key' },
  whsecMistake,
  ...commonMistakes,
];

export const refuseSecret = (secret: string): SecretRefusal | null => refusal(secret, mistakes, advice);
