import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Provider } from '@semel/core';

// A poison event makes its rule throw until the rule is fixed: its body has a mark, and the rule counts as fixed once
// a file of that name exists, for all processes.

export const poisonMark = (name: string) => `poison_${name}_`;
export const mendedFile = (dir: string, name: string) => join(dir, `mended-${name}`);

/** The provider with a rule that throws for poison events. */
export const poisonable = (provider: Provider, dir: string): Provider => ({
  ...provider,
  changesOf(event, body) {
    const name = /poison_([0-9]+)_/.exec(body.toString('latin1'))?.[1];
    if (name !== undefined && !existsSync(mendedFile(dir, name)))
      throw new Error('a rule that is not mended yet');
    return provider.changesOf(event, body);
  },
});
