import { randomUUID } from 'node:crypto';
import type { Scenario, ScenarioEvent } from '@semel/core';

const lifeOf = (types: readonly string[]) => {
  const envelope = { envelopeId: randomUUID() };
  return types.map((type) => ({ type, overrides: envelope }));
};

export const scenarios: readonly Scenario[] = [
  {
    name: 'envelope-signed',
    description: 'An envelope that two people open and sign',
    events() {
      const envelopeId = randomUUID();
      const envelope = (name: string): ScenarioEvent => ({
        type: `envelope-${name}`,
        overrides: { envelopeId },
      });
      const recipient = (recipientId: string, name: string): ScenarioEvent => ({
        type: `recipient-${name}`,
        overrides: { envelopeId, recipientId },
      });
      return [
        envelope('sent'),
        recipient('1', 'sent'),
        recipient('2', 'sent'),
        recipient('1', 'delivered'),
        envelope('delivered'),
        recipient('1', 'completed'),
        recipient('2', 'delivered'),
        recipient('2', 'completed'),
        envelope('completed'),
      ];
    },
  },
  {
    name: 'envelope-declined',
    description: 'An envelope that the first of two signers declines',
    events: () => lifeOf(['envelope-sent', 'envelope-delivered', 'recipient-declined', 'envelope-declined']),
  },
  {
    name: 'envelope-voided',
    description: 'An envelope that its sender takes back',
    events: () => lifeOf(['envelope-sent', 'envelope-voided']),
  },
];
