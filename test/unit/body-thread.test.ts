import { type Provider, RejectedError } from '@semel/core';
import { openBodyThread, providerNamed } from '@semel/providers';
import t from 'tap';

const docusign = providerNamed('docusign') as Provider;
const named = {
  event: 'envelope-completed',
  data: { accountId: 'account', envelopeId: 'envelope' },
  generatedDateTime: '2026-01-01T00:00:00Z',
};
const megabytes = (count: number) => 'A'.repeat(count * 1024 * 1024);
const bodyOf = (members: Record<string, unknown>) => Buffer.from(JSON.stringify({ ...named, ...members }));

/** The longest block of the event loop during `work`, milliseconds. */
async function standstillDuring(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  await work();
  clearInterval(timer);
  return longest;
}

t.test('a large body is read like a small one, without blocking the event loop', async (t) => {
  const thread = openBodyThread();
  t.teardown(() => thread.close());
  const reading = thread.reading(docusign);
  const body = bodyOf({ documents: megabytes(20) });
  t.same(await reading.identify(body, null), docusign.identify(bodyOf({}), null));
  const secret = docusign.newSecret();
  const url = 'https://example.com/';
  const { headers } = docusign.sign({ channel: null, headers: {}, body }, { url, secret, nowMs: Date.now() });
  const request = { body, headers, url, nowMs: Date.now() };
  t.equal(await reading.verify({ ...request, secrets: [secret] }), true);
  t.equal(await reading.verify({ ...request, secrets: [docusign.newSecret()] }), false);
  const stoodStillMs = await standstillDuring(() => reading.identify(body, null) as Promise<unknown>);
  t.ok(stoodStillMs < 100, `the event loop stood still for ${stoodStillMs} ms`);
});

t.test('a body with millions of values is refused before parsing, and the next one is read', async (t) => {
  const thread = openBodyThread();
  t.teardown(() => thread.close());
  const reading = thread.reading(docusign);
  for (const values of [
    `[${'1,'.repeat(11_000_000)}1]`,
    `[${'{},'.repeat(7_000_000)}{}]`,
    '['.repeat(20_000_000),
  ]) {
    const text = `${bodyOf({}).toString().slice(0, -1)},"configurationId":9007199254740993,"values":${values}}`;
    await t.rejects(async () => reading.identify(Buffer.from(text), null), { code: 'too_complex' });
  }
  t.match(await reading.identify(bodyOf({ documents: megabytes(2) }), null), { account: 'account' });
});

t.test('a body over the time limit ends the thread, and does not fail the bodies behind it', async (t) => {
  const impatient = openBodyThread({ timeoutMs: 1 });
  t.teardown(() => impatient.close());
  const results = await Promise.allSettled(
    [1, 2, 3].map(() => impatient.reading(docusign).identify(bodyOf({ documents: megabytes(24) }), null)),
  );
  for (const result of results) t.match(result, { status: 'rejected', reason: { code: 'too_complex' } });
});

t.test('a large body gives the same errors as a small one', async (t) => {
  const thread = openBodyThread();
  t.teardown(() => thread.close());
  const reading = thread.reading(docusign);
  const failureOf = async (body: Buffer) => {
    try {
      await reading.identify(body, null);
      return null;
    } catch (error) {
      return error as RejectedError;
    }
  };
  const small = await failureOf(Buffer.from('no JSON'));
  const large = await failureOf(Buffer.from(`no JSON ${megabytes(2)}`));
  t.ok(large instanceof RejectedError);
  t.same([large?.code, large?.detail], [small?.code, small?.detail]);
});

t.test('a number that JavaScript would round keeps its digits, wherever its name stands', (t) => {
  const idOf = (text: string) => docusign.identify(Buffer.from(text), null).eventId;
  const base = JSON.stringify(named).slice(0, -1);
  const ids = [
    `${base},"configurationId":9007199254740993}`,
    `${base},"configurationId" :\n9007199254740992}`,
    `${base},"configurationId":9007199254740993,"note":"\\"configurationId\\":1"}`,
    `{"note":"x\\\\","configurationId":9007199254740993,${base.slice(1)}}`,
  ].map(idOf);
  t.not(ids[0], ids[1]);
  t.equal(ids[0], ids[2]);
  t.equal(ids[0], ids[3]);
  t.end();
});
