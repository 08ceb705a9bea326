import { connect } from 'node:net';
import { providers } from '@semel/providers';
import t, { type Test } from 'tap';
import { originForm } from '../../apps/receiver/src/origin-form.js';
import { mainTypeOf, startHarness, type TestEndpoint } from '../support/harness.js';
import { waitUntil } from '../support/servers.js';

// Raw sockets: HTTP clients send neither an absolute URL as request target nor empty headers.

interface Raw {
  /** The request target; default: the path. */
  target?(pathAndQuery: string): string;
  /** After the endpoint's path. */
  query?: string;
  /** Lines beside host, content length and signature. */
  lines?: readonly string[];
  host?: string;
}

t.test('a delivery is authentic whatever host its request line and Host header name', async (t) => {
  const harness = await startHarness(t, { workers: 0 });
  const firm = await harness.addFirm();
  const { hostname, port } = new URL(harness.urls[0] as string);

  /** Sends a new event, signed over the public URL, on a raw socket; returns the status code. */
  async function send(endpoint: TestEndpoint, { target, query = '', lines = [], host = 'x' }: Raw = {}) {
    const { body, channel } = harness.buildBody(endpoint, mainTypeOf(endpoint.provider).type);
    const route = endpoint.provider.routes.find((candidate) => candidate.channel === channel);
    const path = `/webhooks/${endpoint.provider.name}/${endpoint.key}${route?.path ?? ''}${query}`;
    const { headers } = endpoint.provider.sign(
      { channel, headers: {}, body },
      { url: `https://hooks.example.test${path}`, secret: endpoint.secret, nowMs: Date.now() },
    );
    const head = [
      `POST ${target?.(path) ?? path} HTTP/1.1`,
      `host: ${host}`,
      'connection: close',
      `content-length: ${body.length}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      ...lines,
    ];
    const socket = connect(Number(port), hostname);
    socket.write(`${head.join('\r\n')}\r\n\r\n`);
    socket.write(body);
    let answer = '';
    for await (const chunk of socket) answer += chunk;
    return Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);
  }

  const added = async (name: string) => {
    const endpoint = await harness.addEndpoint(name, firm);
    await waitUntil(async () => (await send(endpoint)) === 200, { what: `the ${name} endpoint is known` });
    return endpoint;
  };

  const before: Record<string, string> = {
    'the public address': 'https://hooks.example.test',
    'another host': 'http://10.0.0.7',
    'another port': 'http://hooks.example.test:8080',
    'an address of version 6': 'http://[::1]:8080',
    'a user': 'http://user@hooks.example.test',
    'a user and a password': 'https://user:pass@hooks.example.test:8443',
    'an upper-case scheme': 'HTTP://hooks.example.test',
    'a mixed-case scheme and host': 'Https://HOOKS.Example.test',
  };

  for (const { name } of providers)
    await t.test(`${name}: an absolute URL as request target`, async (t) => {
      const endpoint = await added(name);
      for (const [what, authority] of Object.entries(before)) {
        const target = (path: string) => authority + path;
        t.equal(await send(endpoint, { target }), 200, what);
        t.equal(await send(endpoint, { target, query: '?a=1&b=%2Fx%20y' }), 200, `${what}, with a query`);
        t.equal(await send(endpoint, { target, query: '?to=http://a.test/b' }), 200, `${what}, twice`);
      }
      t.equal(await send(endpoint, { host: 'other.example.test' }), 200, 'another Host header');
      await refusesOtherPaths(t, endpoint);
    });

  async function refusesOtherPaths(t: Test, endpoint: TestEndpoint) {
    const signsUrl = ['square', 'twilio'].includes(endpoint.provider.name);
    const target = (path: string) => `http://hooks.example.test${path}?added=1`;
    t.equal(await send(endpoint, { target }), signsUrl ? 401 : 200, 'a query that was not signed');
    for (const bare of ['http://hooks.example.test', 'http://hooks.example.test/', 'http://a?/webhooks/'])
      t.equal(await send(endpoint, { target: () => bare }), 404, bare);
  }

  await t.test('the identity content encoding is accepted, any other is refused', async (t) => {
    const endpoint = await added('square');
    for (const value of [
      '',
      ' ',
      '\t',
      'identity',
      'Identity',
      'IDENTITY',
      ' identity \t',
      'identity, identity',
    ])
      t.equal(await send(endpoint, { lines: [`content-encoding:${value}`] }), 200, JSON.stringify(value));
    const twice = ['content-encoding:', 'content-encoding: identity'];
    t.equal(await send(endpoint, { lines: twice }), 200, 'two such headers');
    for (const value of [
      'gzip',
      'br',
      'deflate',
      'x',
      '*',
      '"identity"',
      'identity gzip',
      'identity, gzip',
      ',gzip',
    ])
      t.equal(await send(endpoint, { lines: [`content-encoding: ${value}`] }), 415, value);
    const hidden = ['content-encoding:', 'content-encoding: gzip'];
    t.equal(await send(endpoint, { lines: hidden }), 415, 'behind an empty header');
  });
});

t.test('path and query stay as they were sent', async (t) => {
  for (const [target, due] of [
    ['/a?b=http://c/d', '/a?b=http://c/d'],
    ['//a/b', '//a/b'],
    ['http://h/a%2Fb//c?d=%20', '/a%2Fb//c?d=%20'],
    ['http://h', '/'],
    ['http://h?a=/b', '/?a=/b'],
    ['HTTPS://U:P@h:1/a', '/a'],
    ['ftp://h/a', 'ftp://h/a'],
    ['*', '*'],
  ] as const)
    t.equal(originForm(target), due, target);
});
