import { createHash } from 'node:crypto';
import { assertEventId, type Change, type ChangeSet, type WebhookEvent } from '@semel/core';
import { type ColumnType, tables } from '@semel/database';
import { providerNamed, providers } from '@semel/providers';
import t from 'tap';
import { isOrder, type Model, step } from '../../support/guard-model.js';
import { identityOf } from '../../support/identity-of.js';
import { permutations } from '../../support/permutations.js';
import { eventOf, nowMs, requestOf, sampleNamed } from './deliveries.js';

/** The contract of every provider, tested with its own samples. A new provider is tested once it is in the registry. */
for (const provider of providers) {
  t.test(`${provider.title} fulfils the contract of a provider`, async (t) => {
    t.equal(providerNamed(provider.name), provider);
    t.match(provider.name, /^[a-z]+$/);
    t.ok(provider.routes.length > 0 && provider.bodyLimitBytes >= 1024 * 1024);
    t.ok(provider.claimWindowMs > 24 * 3_600_000, 'a claim outlives a day of retries');

    t.test('its retry delays grow up to a cap', async (t) => {
      const waits = Array.from({ length: provider.retry.attempts + 50 }, (_, i) =>
        provider.retry.delayMs(i + 1),
      );
      t.ok(waits.every((wait, i) => wait > 0 && wait >= (waits[i - 1] ?? 0) && wait <= 6 * 3_600_000));
      t.equal(provider.retry.delayMs(10_000), waits.at(-1));
    });

    for (const sample of provider.samples)
      t.test(`${sample.type}: the sample is verified, identified and mapped to changes`, async (t) => {
        const request = requestOf(provider, sample);
        t.ok(provider.verify(request), 'signed');
        const identity = provider.identify(request.body, sample.channel, request.headers);
        t.same(
          provider.identify(request.body, sample.channel, request.headers),
          identity,
          'named alike each time',
        );
        const { type } = identity;
        t.ok(
          sample.type === type || sample.type.startsWith(`${type}:`),
          'named by its type, or a variant of it',
        );
        t.equal(assertEventId(identity.eventId), identity.eventId);
        t.ok(identity.createdAtMs === null || Math.abs(identity.createdAtMs - nowMs) < 1000);
        const other = requestOf(provider, sample);
        t.not(
          provider.identify(other.body, sample.channel, other.headers).eventId,
          identity.eventId,
          'each build is a new event',
        );

        const event = Object.freeze(eventOf(provider, request.body, sample.channel));
        const bytes = createHash('sha256').update(request.body).digest('hex');
        const changeSet = provider.changesOf(event, request.body);
        t.same(provider.changesOf(event, request.body), changeSet, 'the same changes each time');
        t.equal(createHash('sha256').update(request.body).digest('hex'), bytes, 'the body is as it was');
        t.same(problemsOf(changeSet, provider.ledger.linkColumns), []);
        t.ok(sample.description.includes('changes nothing') === (changeSet.ignored !== null));
        t.type(JSON.parse(provider.toJson(request.body) ?? 'null'), 'object');
      });

    t.test('its events name their account', async (t) => {
      const sample = provider.samples[0] as never as (typeof provider.samples)[number];
      const { body } = sample.build({ account: 'acct_42', nowMs });
      const { account } = identityOf(provider, body, sample.channel);
      t.equal(account, body.includes('acct_42') ? 'acct_42' : null);
    });

    t.test('its event ids and ledger keys are one to one', async (t) => {
      const ids = new Set<string>();
      for (const sample of provider.samples)
        for (let i = 0; i < 20; i += 1)
          ids.add(identityOf(provider, requestOf(provider, sample).body, sample.channel).eventId);
      for (const id of [...ids]) ids.add(`${id}~firm-a`).add(`${id}~firm-b`);
      const keys = new Set([...ids].map((id) => JSON.stringify(provider.ledger.keyValues(id))));
      t.equal(keys.size, ids.size);
      for (const id of ids) {
        const values = provider.ledger.keyValues(id);
        t.equal(values.length, provider.ledger.keyColumns.length);
        t.equal(values.at(-1)?.split('~')[1], id.split('~')[1], 'a mark stays in the last column');
      }
    });

    t.test('its generated secrets differ each time', async (t) => {
      t.not(provider.newSecret(), provider.newSecret());
      t.ok(provider.newSecret().length >= 20);
    });
  });
}

const lives: { provider: string; id: string; types: string[] }[] = [
  { provider: 'stripe', id: 'in_1', types: ['invoice.created', 'invoice.finalized', 'invoice.paid'] },
  { provider: 'stripe', id: 'in_1', types: ['invoice.created', 'invoice.payment_failed', 'invoice.voided'] },
  {
    provider: 'stripe',
    id: 'pi_1',
    types: ['payment_intent.created', 'payment_intent.payment_failed', 'payment_intent.succeeded'],
  },
  { provider: 'square', id: 'pay_1', types: ['payment.created', 'payment.updated'] },
  {
    provider: 'square',
    id: 'inv_1',
    types: ['invoice.created', 'invoice.published', 'invoice.payment_made'],
  },
  { provider: 'docusign', id: 'env_1', types: ['envelope-sent', 'envelope-delivered', 'envelope-completed'] },
  { provider: 'docusign', id: 'env_1', types: ['envelope-sent', 'envelope-delivered', 'envelope-declined'] },
  {
    provider: 'twilio',
    id: `SM${'a'.repeat(32)}`,
    types: ['status:queued', 'status:sent', 'status:delivered'],
  },
  {
    provider: 'twilio',
    id: `SM${'a'.repeat(32)}`,
    types: ['status:queued', 'status:sent', 'status:undelivered'],
  },
];

for (const { provider: name, id, types } of lives)
  t.test(`${name}: ${types.join(', ')} end the same in every order`, async (t) => {
    const provider = providerNamed(name);
    if (provider === null) return t.fail('not in the registry');
    const life = types.map((type, index) => {
      const sample = sampleNamed(provider, type);
      const { body } = sample.build({ account: null, nowMs: nowMs + index * 1000, overrides: { id } });
      const event = eventOf(provider, body, sample.channel);
      return { event, changes: provider.changesOf(event, body).changes };
    });
    const last = applied(life.slice(-1));
    const ends = permutations(life).map((order) => applied(order));
    for (const end of ends) t.same(end, last, 'the last event of the life decides');
  });

/** Each object after the guard model; which event created an empty row does not matter. */
function applied(events: readonly { event: WebhookEvent; changes: Change[] }[]) {
  const rows: Model = new Map();
  for (const { event, changes } of events) step(rows, event, changes);
  return [...rows].filter(([, row]) => row.guard.order.rank >= 0).sort(([a], [b]) => (a < b ? -1 : 1));
}

function problemsOf({ changes, links }: ChangeSet, linkColumns: readonly string[]): string[] {
  const problems = Object.keys(links).filter((column) => !linkColumns.includes(column));
  for (const { entity, externalId, fields, refs = {}, order } of changes) {
    const table = tables[entity];
    if (externalId.length > 300 || externalId === '') problems.push(`${entity}: id`);
    if (!isOrder(order)) problems.push(`${entity}: order`);
    const columns = Object.keys(table.fields);
    if (order.rank >= 0 && String(Object.keys(fields).sort()) !== String(columns.sort()))
      problems.push(`${entity}: not the whole row: ${Object.keys(fields)}`);
    for (const [column, value] of Object.entries(fields))
      if (value !== null && !fits(table.fields[column], value))
        problems.push(`${entity}.${column}: ${value}`);
    for (const [column, ref] of Object.entries(refs))
      if (table.refs[column] !== ref.entity) problems.push(`${entity}.${column}: ${ref.entity}`);
  }
  return problems;
}

function fits(type: ColumnType | undefined, value: unknown): boolean {
  if (type === 'text[]') return Array.isArray(value) && value.every((item) => fits('text', item));
  if (type === 'text') return typeof value === 'string' && !value.includes('\u0000');
  if (type === 'bigint' || type === 'integer') return Number.isSafeInteger(value);
  if (type === 'boolean') return typeof value === 'boolean';
  if (type === 'timestamptz') return typeof value === 'string' && new Date(value).toISOString() === value;
  return type === 'jsonb' && typeof value === 'object' && !JSON.stringify(value).includes('\\u0000');
}
