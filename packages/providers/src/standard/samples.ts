import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { jsonBody, splitOverrides } from '../sample.js';

/** Overrides: the fields of `data`; `$event` for the message around them (`{ $event: { type: 'user.created' } }`). */
const sample = (type: string, description: string, data: () => Record<string, unknown>): Sample => ({
  type,
  channel: null,
  description,
  build({ nowMs, overrides }) {
    const { envelope, object } = splitOverrides(overrides);
    return jsonBody({
      type,
      timestamp: new Date(nowMs).toISOString(),
      data: { id: randomUUID(), ...data(), ...object },
      ...envelope,
    });
  },
});

export const samples: readonly Sample[] = [
  sample('contact.created', 'A type that is recorded, and changes nothing', () => ({
    first_name: 'Ada',
    last_name: 'Example',
    email: 'client@example.com',
  })),
  sample('contact.deleted', 'Another one; it is recorded, and changes nothing', () => ({})),
];
