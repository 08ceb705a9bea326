/** The first files of a new folder in packages/providers/src. They compile, and refuse every delivery until they are filled in. */
export const providerFiles = (name: string, title: string): Record<string, string> => ({
  'signature.ts': `import type { SignedRequest } from '@semel/core';

/**
 * TODO: name the header, the bytes, the algorithm, the encoding, and the page that documents them. Compare in constant time,
 * with \`equalText\` (../equal-text.js). Never throw. Verify the bytes as they are, not parsed.
 */
export function verify({ body, headers, secrets }: SignedRequest): boolean {
  const given = headers['x-${name}-signature'];
  if (typeof given !== 'string' || body.length === 0) return false;
  return secrets.some(() => false);
}
`,
  'identity.ts': `import { type Identity, RejectedError } from '@semel/core';
import { lineOf, typeOf } from '../clean-text.js';
import { parseObject } from '../json.js';
import { millisOf } from '../time.js';

/**
 * TODO: find what is signed, and stays the same over all attempts of one event. Signed headers may be a part of it; they are
 * the third argument. The pattern refuses ids that the provider never sends.
 */
export function identify(body: Buffer): Identity {
  const event = parseObject(body);
  const id = event?.id;
  if (event === null || typeof id !== 'string' || !/^[A-Za-z0-9_-]{8,64}$/.test(id))
    throw new RejectedError('malformed', 'The body has no ${title} event id');
  return {
    eventId: id,
    type: typeOf(event.type),
    account: lineOf(event.account),
    livemode: null,
    createdAtMs: millisOf(event.created_at),
  };
}
`,
  'changes.ts': `import { type ChangeSet, nothing } from '@semel/core';

/**
 * TODO: write the rule. Without one, every event is recorded, changes nothing, and runs the handlers for its type. A rule
 * must order all events of one object, even those with the same timestamp: see docs/adr/0007-total-order.md.
 */
export const changesOf = (): ChangeSet => nothing('type_not_handled');
`,
  'samples.ts': `import { randomUUID } from 'node:crypto';
import type { Sample } from '@semel/core';
import { jsonBody, splitOverrides } from '../sample.js';

/** TODO: use bodies as ${title} really sends them. Overrides set fields of \`data\`, and \`$event\` those of the envelope. */
const sample = (type: string, description: string): Sample => ({
  type,
  channel: null,
  description,
  build({ account, nowMs, overrides }) {
    const { envelope, object } = splitOverrides(overrides);
    return jsonBody({
      id: randomUUID(),
      type,
      account: account ?? '${name}-1',
      created_at: new Date(nowMs).toISOString(),
      data: { id: randomUUID(), ...object },
      ...envelope,
    });
  },
});

export const samples: readonly Sample[] = [
  sample('thing.created', 'A type that is recorded, and changes nothing'),
];
`,
  'scenarios.ts': `import { randomUUID } from 'node:crypto';
import type { Scenario } from '@semel/core';

export const scenarios: readonly Scenario[] = [
  {
    name: 'thing',
    description: 'TODO: the life of one object, from its first event to its last',
    events() {
      const thing = { id: randomUUID() };
      return ['thing.created'].map((type) => ({ type, overrides: thing }));
    },
  },
];
`,
  'sign.ts': `import { randomBytes } from 'node:crypto';
import type { Provider } from '@semel/core';

/** TODO: sign with the vendor's SDK if it can; else independently of the verifier, so that a mistake in one of them shows. */
export const sign: Provider['sign'] = (delivery) => ({
  ...delivery,
  headers: { ...delivery.headers, 'x-${name}-signature': 'TODO' },
});

export const newSecret = (): string => randomBytes(32).toString('base64url');
`,
  'index.ts': `import type { Provider } from '@semel/core';
import { daysMs, exponential, hoursMs, secondsMs } from '../backoff.js';
import { jsonTextOf } from '../json.js';
import { changesOf } from './changes.js';
import { identify } from './identity.js';
import { samples } from './samples.js';
import { newSecret, sign } from './sign.js';
import { verify } from './signature.js';
import { scenarios } from './scenarios.js';

/** TODO: link the page that describes the webhooks, and for how long they are retried. The claim must live a day longer. */
export const ${name}: Provider = {
  name: '${name}',
  title: '${title}',
  routes: [{ path: '', channel: null }],
  bodyLimitBytes: 1024 * 1024,
  claimWindowMs: daysMs(4),
  retry: exponential(12, secondsMs(1), hoursMs(1)),
  ledger: {
    table: '${name}_webhook_events',
    keyColumns: ['event_id'],
    keyValues: (eventId) => [eventId],
    linkColumns: [],
  },
  verify,
  identify,
  changesOf,
  toJson: jsonTextOf,
  samples,
  scenarios,
  sign,
  newSecret,
};
`,
});

/** The provider's own test. The suites that run for every provider do not know its signature and ids. */
export const providerTest = (
  name: string,
  title: string,
): string => `import type { Provider } from '@semel/core';
import { providerNamed } from '@semel/providers';
import t from 'tap';

const ${name} = providerNamed('${name}') as Provider;

t.test('a signature that was made with another implementation is verified', async (t) => {
  t.equal(${name}.title, '${title}');
  t.fail('TODO: a test vector of ${title}, or one made with openssl or Python');
});

t.test('a delivery and its retry have the same event id', async (t) => {
  t.fail('TODO: two real bodies of one event');
});
`;
