import { randomUUID } from 'node:crypto';
import type { Scenario } from '@semel/core';

export const scenarios: readonly Scenario[] = [
  {
    name: 'contact',
    description: 'A contact that comes and goes',
    events() {
      const contact = { id: randomUUID() };
      return ['contact.created', 'contact.deleted'].map((type) => ({ type, overrides: contact }));
    },
  },
];
