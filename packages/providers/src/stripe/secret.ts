import type { SecretRefusal } from '@semel/core';
import { commonMistakes, type Mistake, refusal } from '../secret-mistake.js';

const advice =
  'copy the signing secret of the webhook endpoint from the Stripe Dashboard (Developers, Webhooks): it begins with "whsec_"';

const mistakes: readonly Mistake[] = [
  { pattern: /^sk_/, says: 'is a secret API key ("sk_…"), not a signing secret' },
  { pattern: /^rk_/, says: 'is a restricted API key ("rk_…"), not a signing secret' },
  { pattern: /^pk_/, says: 'is a publishable API key ("pk_…"), not a signing secret' },
  { pattern: /^we_/, says: 'is the id of a webhook endpoint ("we_…"), not its signing secret' },
  { pattern: /^ed_/, says: 'is the id of an event destination ("ed_…"), not its signing secret' },
  { pattern: /^acct_/, says: 'is the id of an account ("acct_…"), not a signing secret' },
  { pattern: /^ca_/, says: 'is a client id of Connect ("ca_…"), not a signing secret' },
  { pattern: /^evt_/, says: 'is the id of an event ("evt_…"), not a signing secret' },
  ...commonMistakes,
  { pattern: /^whsec_$/, says: 'is only the beginning of a signing secret' },
  { pattern: /.whsec_/, says: 'has something before "whsec_", which belongs at the beginning' },
  // A short text is a secret that someone made up for a test: it verifies what they sign with it.
  {
    pattern: /^(?!whsec_)[\w+/=-]{20,}$/,
    says: 'does not begin with "whsec_", as each signing secret of Stripe does',
  },
  { pattern: /[^\w+/=-]/, says: 'has a character in it that no signing secret of Stripe has' },
];

/** The whole text is the key. Its length is not documented, so that a secret that was cut can't be told. */
export const refuseSecret = (secret: string): SecretRefusal | null => refusal(secret, mistakes, advice);
