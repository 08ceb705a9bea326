import type { SecretRefusal } from '@semel/core';
import { commonMistakes, type Mistake, refusal } from '../secret-mistake.js';
import { keyOf } from './signature.js';

const advice =
  'copy the signing secret of the endpoint as the service shows it: "whsec_" and base64, with each "=" at its end';

const mistakes: readonly Mistake[] = [
  { pattern: /^v\d+a?,/, says: 'has "v1," before the secret, which is no part of it' },
  { pattern: /^whsk_/, says: 'is a private key for asymmetric signatures ("whsk_…"), which are not taken' },
  { pattern: /^whpk_/, says: 'is a public key for asymmetric signatures ("whpk_…"), which are not taken' },
  { pattern: /^(test)?sk_/, says: 'is an API key ("sk_…"), not a signing secret' },
  { pattern: /^(ep|app|msg)_/, says: 'is an id ("ep_…", "app_…", "msg_…"), not a signing secret' },
  ...commonMistakes,
  { pattern: /^(?:whsec_)?[A-Za-z0-9+/]{0,3}={0,2}$/, says: 'is too short to be a secret' },
  {
    pattern: /^(?:whsec_)?(?!whsec_)[A-Za-z0-9+/]*[-_]/,
    says: 'has "-" or "_" in it, which base64 has not: it is plain text, or in the alphabet for URLs (base64url)',
  },
  {
    pattern: /^(?:whsec_)?[A-Za-z0-9+/]+={0,3}$/,
    says: 'is not whole base64, which comes in groups of four characters: it was cut, or lacks an "=" at its end',
  },
  { pattern: /^/, says: 'is not base64, as each secret of Standard Webhooks is' },
];

/** Whatever the verifier can make a key of is taken, however short. */
export const refuseSecret = (secret: string): SecretRefusal | null =>
  keyOf(secret) === null ? refusal(secret, mistakes, advice) : null;
