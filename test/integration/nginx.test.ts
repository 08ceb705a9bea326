import { request as httpRequest } from 'node:http';
import type { Provider } from '@semel/core';
import { providerNamed, providers } from '@semel/providers';
import t from 'tap';
import { noNginx, startNginx } from '../support/nginx.js';
import { waitUntil } from '../support/servers.js';
import { createWorld, identityOf, mainTypeOf } from '../support/world.js';

// docs/examples/nginx.conf in front of a receiver: what is signed arrives as it was signed, and nothing else is reached.

t.test('behind nginx', { skip: noNginx, timeout: 400_000 }, async (t) => {
  const world = await createWorld(t);
  const receiver = world.urls[0] as string;
  const firm = await world.addFirm();
  const proxies = {
    'body buffered': await startNginx(t, receiver),
    'body streamed': await startNginx(t, receiver, (site) =>
      site.replace('proxy_request_buffering on;', 'proxy_request_buffering off;'),
    ),
  };

  for (const [how, proxy] of Object.entries(proxies)) {
    const through = (request: { url: string }) => {
      request.url = request.url.replace(receiver, proxy);
    };

    for (const provider of providers)
      t.test(`${provider.name}, ${how}: the exact bytes arrive`, async (t) => {
        const { type } = mainTypeOf(provider);
        const endpoint = await world.addEndpoint(provider.name, firm);
        const { body, channel } = world.buildBody(endpoint, type, {
          overrides: { Body: 'Grüße\r\n', note: 'Grüße\r\n' },
        });
        const sent = await world.send(endpoint, type, { body, tamper: through });
        t.match(sent, { status: 200, outcome: 'accepted' });
        const row = await world.applied(provider, identityOf(provider, body, channel).eventId);
        t.same(row.event_raw, body);
      });

    t.test(`${how}: path and query go on as they are written`, async (t) => {
      const endpoint = await world.addEndpoint('square', firm);
      const { body, contentType } = world.buildBody(endpoint, 'payment.created');
      const path = `/webhooks/square/${endpoint.key}?a=b%2Fc%20d&e=//f&g=%C3%A4+h`;
      const { headers } = endpoint.provider.sign(
        { channel: null, headers: { 'content-type': contentType }, body },
        { url: `https://hooks.example.test${path}`, secret: endpoint.secret, nowMs: Date.now() },
      );
      await waitUntil(async () => (await world.send(endpoint, 'payment.created')).status === 200, {
        what: 'the endpoint is known',
      });
      t.match(await world.post({ url: proxy + path, headers, body }), { status: 200, outcome: 'accepted' });
      const other = await world.post({ url: proxy + path.replace('//', '/'), headers, body });
      t.equal(other.code, 'signature_invalid', 'it is signed');
    });

    t.test(`${how}: DocuSign's 25 MiB pass, and no more`, async (t) => {
      const docusign = providerNamed('docusign') as Provider;
      const endpoint = await world.addEndpoint('docusign', firm);
      await waitUntil(async () => (await world.send(endpoint, 'envelope-sent')).status === 200, {
        what: 'the endpoint is known',
      });
      const small = world.buildBody(endpoint, 'envelope-completed', { overrides: { padding: '' } }).body;
      const pad = (length: number) => {
        const padding = 'x'.repeat(length - small.length);
        return Buffer.from(small.toString().replace('"padding":""', `"padding":"${padding}"`));
      };
      const body = pad(docusign.bodyLimitBytes);
      t.equal(body.length, 25 * 1024 * 1024);
      // A slow machine may be late with its answer; then the next try finds the event half accepted.
      const sent = await waitUntil(
        async () => {
          const sent = await world.send(endpoint, 'envelope-completed', { body, tamper: through });
          return sent.status === 200 ? sent : null;
        },
        { what: 'it is acknowledged', timeoutMs: 30_000 },
      );
      t.ok(['accepted', 'duplicate'].includes(sent.outcome ?? ''));
      t.equal(await statusOf(proxy, `/webhooks/docusign/${endpoint.key}`, docusign.bodyLimitBytes + 1), 413);
      t.equal(
        await statusOf(proxy, `/webhooks/stripe/${endpoint.key}`, 1024 * 1024 + 1),
        413,
        'others have 1 MiB',
      );
    });

    t.test(`${how}: nothing but the webhooks can be reached`, async (t) => {
      t.equal((await fetch(`${receiver}/metrics`)).status, 200, 'on its own port they are there');
      for (const path of [
        '/',
        '/metrics',
        '/health',
        '/health/live',
        '/health/ready',
        '/webhooks',
        '/webhooks/../metrics',
        '/webhooks/%2e%2e/metrics',
        '/webhooks/..%2fmetrics',
        '/webhooks/x/../../metrics',
        '//metrics',
        '/metrics?/webhooks/',
        '/webhooks/;/../metrics',
      ]) {
        const answer = await read(proxy, path);
        t.ok([301, 400, 404].includes(answer.status), `${path}: ${answer.status}`);
        t.notMatch(answer.text, /webhook_received_total|"checks"/, path);
      }
    });
  }
});

/** As the path is written: `fetch` would put it in order. */
function read(base: string, path: string): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    httpRequest({ hostname, port, path }, (response) => {
      let text = '';
      response.on('data', (part: Buffer) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

/** The answer to a body that is announced, and not sent. */
function statusOf(base: string, path: string, bytes: number): Promise<number> {
  const { hostname, port } = new URL(base);
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      { hostname, port, path, method: 'POST', headers: { 'content-length': bytes } },
      (response) => {
        resolve(response.statusCode ?? 0);
        response.resume();
        sent.destroy();
      },
    );
    sent.on('error', reject);
    sent.flushHeaders();
  });
}
