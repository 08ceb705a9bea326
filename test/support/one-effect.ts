import type { Test } from 'tap';
import { type Harness, identityOf, mainTypeOf, type TestEndpoint } from './harness.js';

/** The id of the event in a body that `buildBody` made of a sample of `type`. */
export function idOf(
  endpoint: Pick<TestEndpoint, 'id' | 'provider'>,
  body: Buffer,
  type = mainTypeOf(endpoint.provider).type,
): string {
  const { provider } = endpoint;
  const channel = provider.samples.find((sample) => sample.type === type)?.channel ?? null;
  return identityOf(provider, body, channel, endpoint).eventId;
}

/**
 * Asserts one ledger row, one final attempt, and one change per object. Waits for the event; returns its ledger row.
 */
export async function assertOneEffect(
  t: Test,
  harness: Harness,
  { provider, firmId }: TestEndpoint,
  eventId: string,
  outcome: string = mainTypeOf(provider).outcome,
) {
  const row = await harness.applied(provider, eventId, outcome);
  t.equal(row.firm_id, firmId, 'it belongs to the firm that signed it');
  const finals = (await harness.attemptsOf(eventId)).filter(({ outcome }) =>
    ['applied', 'stale', 'ignored'].includes(outcome),
  );
  t.equal(finals.length, 1, 'one final attempt');
  const changes = await harness.sql<{ entity_id: string }>(
    'SELECT entity_id FROM domain_changes WHERE event_id = $1',
    [eventId],
  );
  t.equal(
    changes.length,
    new Set(changes.map((change) => change.entity_id)).size,
    'each object changed once',
  );
  if (outcome === 'applied') t.ok(changes.length > 0, 'something changed');
  return row;
}
