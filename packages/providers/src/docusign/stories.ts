import { randomUUID } from 'node:crypto';
import type { Story } from '@semel/core';

const lifeOf = (types: readonly string[]) => {
  const envelope = { envelopeId: randomUUID() };
  return types.map((type) => ({ type, overrides: envelope }));
};

export const stories: readonly Story[] = [
  {
    name: 'envelope-signed',
    description: 'An envelope that two people open and sign',
    tell: () => lifeOf(['envelope-sent', 'envelope-delivered', 'envelope-completed']),
  },
  {
    name: 'envelope-declined',
    description: 'An envelope that the first of two signers declines',
    tell: () => lifeOf(['envelope-sent', 'envelope-delivered', 'envelope-declined']),
  },
  {
    name: 'envelope-voided',
    description: 'An envelope that its sender takes back',
    tell: () => lifeOf(['envelope-sent', 'envelope-voided']),
  },
];
