import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import t from 'tap';
import { type Harness, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// One sender's bodies never block another's: no memory for unknown endpoints, a share per firm, no body that blocks
// the process.

const mebibyte = 1024 * 1024;

/** A request that sends only part of its body; `answer` is the response. */
async function sendPart(harness: Harness, path: string, length: number, part: number) {
  const { hostname, port } = new URL(harness.urls[0] as string);
  const socket: Socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.on('error', () => undefined);
  socket.write(`POST ${path} HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${length}\r\n\r\n`);
  socket.write(Buffer.alloc(part, 'a'));
  return { socket, answer: () => answer };
}

const docusignPath = ({ key }: Pick<TestEndpoint, 'key'>) => `/webhooks/docusign/${key}`;
const withDocuments = (size: number) => ({ $event: { documents: 'A'.repeat(size) } });

t.test('a request to an unknown endpoint is answered before its body is read', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const key = randomBytes(11).toString('hex');
  for (const part of [0, 1_000]) {
    const { socket, answer } = await sendPart(harness, docusignPath({ key }), 25 * mebibyte, part);
    await waitUntil(() => answer().includes('unknown_endpoint'), { what: 'the answer', timeoutMs: 5_000 });
    t.match(answer(), /^HTTP\/1\.1 404 /);
    socket.destroy();
  }
});

t.test("one firm's unfinished large bodies block neither other firms nor its own small bodies", async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const [mine, other] = [await harness.addFirm(), await harness.addFirm()];
  const endpoint = await harness.addEndpoint('docusign', mine);
  const neighbour = await harness.addEndpoint('docusign', other);
  await waitUntil(async () => (await harness.send(neighbour, 'envelope-sent')).status === 200, {
    what: 'it is known',
  });

  const parts = await Promise.all(
    Array.from({ length: 8 }, () => sendPart(harness, docusignPath(endpoint), 25 * mebibyte, 12 * mebibyte)),
  );
  await waitUntil(() => parts.filter(({ answer }) => answer().includes('overloaded')).length >= 6, {
    what: 'those beyond its share are refused',
  });
  t.match(parts.find(({ answer }) => answer() !== '')?.answer(), /^HTTP\/1\.1 503 [\s\S]*retry-after: 5/);
  const large = { overrides: withDocuments(20 * mebibyte) };
  t.equal(
    (await harness.send(neighbour, 'envelope-sent', large)).outcome,
    'accepted',
    'a large body of another firm',
  );
  t.equal(
    (await harness.send(endpoint, 'envelope-sent')).outcome,
    'accepted',
    'a small body of the same firm',
  );
  t.equal((await harness.send(endpoint, 'envelope-sent', large)).code, 'overloaded');

  for (const { socket } of parts) socket.destroy();
  await waitUntil(async () => (await harness.send(endpoint, 'envelope-sent', large)).outcome === 'accepted', {
    what: 'its share is free again',
  });
});

t.test(
  'a signed body that is costly to parse is refused, while the receiver answers other requests',
  async (t) => {
    const harness = await startHarness(t, { workers: 0 });
    const endpoint = await harness.addEndpoint('docusign', await harness.addFirm());
    await waitUntil(async () => (await harness.send(endpoint, 'envelope-sent')).status === 200, {
      what: 'it is known',
    });
    const sample = harness.buildBody(endpoint, 'envelope-sent').body.toString();
    const costly = [`[${'1,'.repeat(11_000_000)}1]`, `[${'{},'.repeat(7_000_000)}{}]`].map((values) =>
      Buffer.from(`${sample.slice(0, -1)},"configurationId":9007199254740993,"values":${values}}`),
    );
    for (const body of costly) {
      let longestMs = 0;
      let isOver = false;
      const sent = harness.send(endpoint, 'envelope-sent', { body }).finally(() => {
        isOver = true;
      });
      while (!isOver) {
        const beganMs = performance.now();
        await (await fetch(`${harness.urls[0]}/livez`)).text();
        longestMs = Math.max(longestMs, performance.now() - beganMs);
      }
      t.match(await sent, { status: 413, code: 'too_complex' });
      t.ok(longestMs < 1_000, `the slowest answer took ${longestMs} ms`);
    }
  },
);
