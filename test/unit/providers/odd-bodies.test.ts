import { type Provider, RejectedError } from '@semel/core';
import { providers } from '@semel/providers';
import fc from 'fast-check';
import t from 'tap';
import { isOrder } from '../../support/guard-model.js';
import { eventOf, nowMs } from './deliveries.js';

const oddValue = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom<unknown>(
    '\u0000',
    '\ud800',
    'x'.repeat(100_000),
    -1,
    1.5,
    1e300,
    '__proto__',
    'constructor',
    [],
  ),
);

/** A sample's body with some values, at any depth, replaced or removed. */
function mutated(provider: Provider, at: number, cuts: readonly { path: number[]; value: unknown }[]) {
  const sample = provider.samples[at % provider.samples.length] as (typeof provider.samples)[number];
  const { body, contentType } = sample.build({ account: null, nowMs });
  if (contentType !== 'application/json') {
    const form = new URLSearchParams(body.toString());
    const names = [...form.keys()];
    for (const { path, value } of cuts)
      form.set(
        names[(path[0] ?? 0) % names.length] ?? '',
        typeof value === 'string' ? value : JSON.stringify(value),
      );
    return { sample, body: Buffer.from(form.toString()) };
  }
  const root = JSON.parse(body.toString());
  for (const { path, value } of cuts) {
    let node = root;
    for (const step of path) {
      const keys = Object.keys(node);
      const key = keys[step % Math.max(keys.length, 1)] ?? 'x';
      if (typeof node[key] !== 'object' || node[key] === null || step % 3 === 0) {
        node[key] = value;
        break;
      }
      node = node[key];
    }
  }
  return { sample, body: Buffer.from(JSON.stringify(root)) };
}

const cuts = fc.array(
  fc.record({ path: fc.array(fc.nat(60), { minLength: 1, maxLength: 6 }), value: oddValue }),
  {
    maxLength: 4,
  },
);

for (const provider of providers) {
  t.test(`${provider.title}: no JSON body crashes identify or the rule`, async (t) => {
    const property = fc.property(fc.nat(20), cuts, (at, changes) => {
      const { sample, body } = mutated(provider, at, changes);
      check(provider, body, sample.channel);
      provider.toJson(body);
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 1000 }));
  });

  t.test(`${provider.title}: no bytes crash identify or the rule`, async (t) => {
    const bodies = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.json().map((text) => Buffer.from(text)),
      fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
    );
    const property = fc.property(bodies, (body) => {
      check(provider, body, provider.routes[0]?.channel ?? null);
      provider.toJson(body);
      const types = provider.samples.map((sample) => sample.type);
      for (const type of types) sound(() => provider.changesOf({ type, createdAtMs: null } as never, body));
    });
    t.doesNotThrow(() => fc.assert(property, { numRuns: 500 }));
  });
}

function check(provider: Provider, body: Buffer, channel: string | null): void {
  let event: ReturnType<typeof eventOf>;
  try {
    event = eventOf(provider, body, channel);
  } catch (error) {
    if (error instanceof RejectedError) return;
    throw error;
  }
  if (event.createdAtMs !== null && !Number.isSafeInteger(event.createdAtMs))
    throw new TypeError('createdAtMs');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (/[\u0000-\u001f]/.test(event.type + (event.account ?? '')) || event.type === '')
    throw new TypeError('type');
  sound(() => {
    const set = provider.changesOf(event, body);
    const text = JSON.stringify(set, (_, value) => (typeof value === 'bigint' ? String(value) : value));
    if (text.includes('\\u0000')) throw new TypeError('NUL');
    if (text.includes('\\ud800')) throw new TypeError('half of a surrogate pair');
    if (!set.changes.every((change) => isOrder(change.order))) throw new TypeError('order');
    return set;
  });
}

/** A rule may throw its own kind of error; any other error is a bug. */
function sound(act: () => unknown): void {
  try {
    act();
  } catch (error) {
    if (!(error instanceof Error) || error.constructor !== Error) throw error;
  }
}
