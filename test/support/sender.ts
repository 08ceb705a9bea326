import type { TestEndpoint } from './firm-rows.js';

export interface Sent {
  status: number;
  outcome: string | null;
  eventId: string;
  code: string | null;
  text: string;
  headers: Headers;
}

export interface SendOptions {
  /** The exact body; default: a sample of `type`. */
  body?: Buffer;
  overrides?: Record<string, unknown>;
  account?: string | null;
  secret?: string;
  /** Changes the signed request before it is sent. */
  tamper?(request: { url: string; headers: Record<string, string>; body: Buffer }): void;
  receiver?: number;
}

/** Sends signed deliveries to the receivers at these addresses, which may be added to later. */
export function createSender(urls: readonly string[]) {
  /** A body of this type, in the provider's format. */
  function buildBody(endpoint: TestEndpoint, type: string, { overrides, account = null }: SendOptions = {}) {
    const sample = endpoint.provider.samples.find((candidate) => candidate.type === type);
    if (sample === undefined) throw new Error(`no sample ${type}`);
    const built = sample.build({ account, nowMs: Date.now(), ...(overrides ? { overrides } : {}) });
    return { ...built, channel: sample.channel };
  }

  /** Signs like the provider and posts to a receiver. */
  async function send(endpoint: TestEndpoint, type: string, options: SendOptions = {}): Promise<Sent> {
    const built = buildBody(endpoint, type, options);
    const route = endpoint.provider.routes.find(({ channel }) => channel === built.channel);
    const path = `/webhooks/${endpoint.provider.name}/${endpoint.key}${route?.path ?? ''}`;
    const signed = endpoint.provider.sign(
      {
        channel: built.channel,
        headers: { 'content-type': built.contentType },
        body: options.body ?? built.body,
      },
      {
        url: `https://hooks.example.test${path}`,
        secret: options.secret ?? endpoint.secret,
        nowMs: Date.now(),
      },
    );
    const request = {
      url: urls[options.receiver ?? 0] + path,
      headers: { ...signed.headers },
      body: signed.body,
    };
    options.tamper?.(request);
    return post(request);
  }

  async function post(request: {
    url: string;
    headers: Record<string, string>;
    body: Buffer;
  }): Promise<Sent> {
    const response = await fetch(request.url, {
      method: 'POST',
      headers: request.headers,
      body: new Uint8Array(request.body),
    });
    const text = await response.text();
    const json = text.startsWith('{') ? JSON.parse(text) : {};
    return {
      status: response.status,
      outcome: response.headers.get('x-webhook-outcome'),
      eventId: json.eventId ?? '',
      code: json.code ?? null,
      text,
      headers: response.headers,
    };
  }

  return { buildBody, send, post };
}
