import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '@semel/core';

// An event that a rule chokes on until someone mends the rule: it has a mark in its body, and the rule is mended when a
// file of that name is there, for whichever process looks.

export const poisonMark = (name: string) => `poison_${name}_`;
export const mendedFile = (dir: string, name: string) => join(dir, `mended-${name}`);

/** The provider with a rule that throws at poison. */
export const poisonable = (provider: Provider, dir: string): Provider => ({
  ...provider,
  changesOf(event, body) {
    const name = /poison_([0-9]+)_/.exec(body.toString('latin1'))?.[1];
    if (name !== undefined && !existsSync(mendedFile(dir, name)))
      throw new Error('a rule that is not mended yet');
    return provider.changesOf(event, body);
  },
});
