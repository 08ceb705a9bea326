import type { SecretRefusal } from '@semel/core';
import { commonMistakes, type Mistake, refusal, whsecMistake } from '../secret-mistake.js';

const advice =
  'copy the primary auth token of the account from the Twilio Console (Account Info): 32 digits and letters from a to f';

const kinds: Readonly<Record<string, string>> = {
  AC: 'an account',
  SK: 'an API key',
  SM: 'a message',
  MM: 'a message',
  MG: 'a Messaging Service',
  PN: 'a phone number',
  VA: 'a Verify service',
};

const mistakes: readonly Mistake[] = [
  ...Object.entries(kinds).map(([prefix, kind]) => ({
    pattern: new RegExp(`^${prefix}[0-9a-z]{32}$`, 'i'),
    says: `is the SID of ${kind} ("${prefix}…"), not an auth token`,
  })),
  { pattern: /^[A-Z]{2}[0-9a-f]{32}$/, says: 'is a SID, not an auth token' },
  {
    pattern: /^(?=.*[^0-9a-f])[0-9A-Za-z]{32}$/,
    says: 'has other letters than an auth token: the secret of an API key looks like that',
  },
  { pattern: /^(?!.{32}$)[0-9a-f]{24,39}$/, says: 'is shorter or longer than an auth token' },
  { pattern: /^\+\d{7,15}$/, says: 'is a phone number' },
  whsecMistake,
  ...commonMistakes,
];

export const refuseSecret = (secret: string): SecretRefusal | null => refusal(secret, mistakes, advice);
