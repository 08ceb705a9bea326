import { request as httpRequest } from 'node:http';
import type { Provider } from '@semel/core';
import { providerNamed, providers } from '@semel/providers';
import t from 'tap';
import { identityOf, mainTypeOf, startHarness } from '../support/harness.js';
import { noNginx, startNginx } from '../support/nginx.js';
import { waitUntil } from '../support/servers.js';

// docs/examples/nginx.conf in front of a receiver: signed requests arrive unchanged, and nothing else is reachable.

t.test('behind nginx', { skip: noNginx, timeout: 400_000 }, async (t) => {
  const harness = await startHarness(t);
  const receiver = harness.urls[0] as string;
  const firm = await harness.addFirm();
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
        const endpoint = await harness.addEndpoint(provider.name, firm);
        const { body, channel } = harness.buildBody(endpoint, type, {
          overrides: { Body: 'Grüße\r\n', note: 'Grüße\r\n' },
        });
        const sent = await harness.send(endpoint, type, { body, tamper: through });
        t.match(sent, { status: 200, outcome: 'accepted' });
        const row = await harness.applied(provider, identityOf(provider, body, channel, endpoint).eventId);
        t.same(row.event_raw, body);
      });

    t.test(`${how}: path and query are forwarded unchanged`, async (t) => {
      const endpoint = await harness.addEndpoint('square', firm);
      const { body, contentType } = harness.buildBody(endpoint, 'payment.created');
      const path = `/webhooks/square/${endpoint.key}?a=b%2Fc%20d&e=//f&g=%C3%A4+h`;
      const { headers } = endpoint.provider.sign(
        { channel: null, headers: { 'content-type': contentType }, body },
        { url: `https://hooks.example.test${path}`, secret: endpoint.secret, nowMs: Date.now() },
      );
      await waitUntil(async () => (await harness.send(endpoint, 'payment.created')).status === 200, {
        what: 'the endpoint is known',
      });
      t.match(await harness.post({ url: proxy + path, headers, body }), { status: 200, outcome: 'accepted' });
      const other = await harness.post({ url: proxy + path.replace('//', '/'), headers, body });
      t.equal(other.code, 'signature_invalid', 'it is signed');
    });

    t.test(`${how}: DocuSign bodies up to 25 MiB pass, larger ones do not`, async (t) => {
      const docusign = providerNamed('docusign') as Provider;
      const endpoint = await harness.addEndpoint('docusign', firm);
      await waitUntil(async () => (await harness.send(endpoint, 'envelope-sent')).status === 200, {
        what: 'the endpoint is known',
      });
      const small = harness.buildBody(endpoint, 'envelope-completed', { overrides: { padding: '' } }).body;
      const pad = (length: number) => {
        const padding = 'x'.repeat(length - small.length);
        return Buffer.from(small.toString().replace('"padding":""', `"padding":"${padding}"`));
      };
      const body = pad(docusign.bodyLimitBytes);
      t.equal(body.length, 25 * 1024 * 1024);
      // On a slow machine the answer may be late; then the retry finds the event half accepted.
      const sent = await waitUntil(
        async () => {
          const sent = await harness.send(endpoint, 'envelope-completed', { body, tamper: through });
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

    t.test(`${how}: only the webhook paths are reachable`, async (t) => {
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

/** With the path as written: `fetch` would normalize it. */
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

/** The answer to a request with a content length and no body. */
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
