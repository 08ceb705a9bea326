import type { SecretRefusal } from '@semel/core';
import { commonMistakes, type Mistake, refusal, whsecMistake } from '../secret-mistake.js';

const advice =
  'copy the signature key of the webhook subscription from the Square Developer Console (Webhooks, Subscriptions)';

const mistakes: readonly Mistake[] = [
  // A signature key has 22 characters, and may begin with any.
  { pattern: /^EAAA(?!.{18}$)/, says: 'is an access token ("EAAA…"), not a signature key' },
  { pattern: /^(sandbox-)?sq0at/, says: 'is an access token ("sq0atp-…"), not a signature key' },
  { pattern: /^(sandbox-)?sq0id/, says: 'is an application id ("sq0idp-…"), not a signature key' },
  { pattern: /^(sandbox-)?sq0cs/, says: 'is an application secret ("sq0csp-…"), not a signature key' },
  {
    pattern: /^(sandbox-)?sq0[a-z]{2,3}-/,
    says: 'is a token or an id of an application ("sq0…"), not a signature key',
  },
  { pattern: /^wbhk_/, says: 'is the id of a webhook subscription ("wbhk_…"), not its signature key' },
  { pattern: /^[ML][A-Z0-9]{12}$/, says: 'is the id of a merchant or a location, not a signature key' },
  whsecMistake,
  ...commonMistakes,
];

export const refuseSecret = (secret: string): SecretRefusal | null => refusal(secret, mistakes, advice);
