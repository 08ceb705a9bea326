import type { Provider, SampleRequest } from '@semel/core';
import type { BuiltEvent } from './build-event.js';
import type { Target } from './target.js';

export interface DeliveryResult {
  /** null where the receiver finds no event key in it, such as after odd --data. */
  eventId: string | null;
  /** What the receiver called it; `no_answer` where there was none. */
  outcome: string;
  /** null: no answer. */
  status: number | null;
  /** The receiver's code for a refusal, or the socket's for no answer. */
  code: string | null;
}

const answerTimeoutMs = 15_000;

/** Signs one delivery as of now and posts it. Never throws. */
export async function deliver(target: Target, event: BuiltEvent): Promise<DeliveryResult> {
  const { provider, key, secret } = target;
  const { channel } = event;
  const route = provider.routes.find((candidate) => candidate.channel === channel);
  const path = `/webhooks/${provider.name}/${key}${route?.path ?? ''}`;
  const signed = provider.sign(
    { channel, headers: { 'content-type': event.contentType }, body: event.body },
    { url: target.publicUrl + path, secret, nowMs: Date.now() },
  );
  const eventId = identify(provider, signed);
  try {
    const response = await fetch(target.receiverUrl + path, {
      method: 'POST',
      headers: signed.headers,
      body: new Uint8Array(signed.body),
      redirect: 'manual', // a signature is for one address
      signal: AbortSignal.timeout(answerTimeoutMs),
    });
    const text = await response.text();
    const { ok, status } = response;
    const outcome = response.headers.get('x-webhook-outcome') ?? outcomeOf(status);
    return { eventId, outcome, status, code: ok ? null : codeOf(text) };
  } catch (error) {
    return { eventId, outcome: 'no_answer', status: null, code: socketCode(error) };
  }
}

/** Where something before the receiver answers, or a receiver that is stopping. */
function outcomeOf(status: number): string {
  if (status >= 500) return 'unavailable';
  return status >= 400 ? 'rejected' : 'unknown';
}

/** As the receiver will: a provider may name the event in a signed header. */
function identify(provider: Provider, { body, channel, headers }: SampleRequest): string | null {
  try {
    return provider.identify(body, channel, headers).eventId;
  } catch {
    return null;
  }
}

function codeOf(problem: string): string | null {
  try {
    const { code } = JSON.parse(problem) as { code?: unknown };
    return typeof code === 'string' ? code : null;
  } catch {
    return null;
  }
}

function socketCode(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string; errors?: { code?: string }[] } };
  if (name === 'TimeoutError') return 'timeout';
  return cause?.code ?? cause?.errors?.[0]?.code ?? 'failed';
}
