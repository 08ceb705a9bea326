import { randomUUID } from 'node:crypto';
import type { Story } from '@semel/core';

export const stories: readonly Story[] = [
  {
    name: 'contact',
    description: 'A contact that comes and goes',
    tell() {
      const contact = { id: randomUUID() };
      return ['contact.created', 'contact.deleted'].map((type) => ({ type, overrides: contact }));
    },
  },
];
