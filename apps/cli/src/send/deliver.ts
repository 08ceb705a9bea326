import type { Provider, SampleRequest } from '@semel/core';
import type { BuiltEvent } from './build-event.js';
import type { Target } from './target.js';

export interface DeliveryResult {
  /** As the receiver answered, or as derived from the body. null: neither, such as after --data removed it. */
  eventId: string | null;
  /** The receiver's outcome; `no_answer` without a response. */
  outcome: string;
  /** null: there was no response. */
  status: number | null;
  /** The receiver's error code, or the socket's without a response. */
  code: string | null;
}

const responseTimeoutMs = 15_000;

/** Signs one delivery with the current time and posts it. Never throws. */
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
      redirect: 'manual', // the signature is valid for one address only
      signal: AbortSignal.timeout(responseTimeoutMs),
    });
    const text = await response.text();
    const { ok, status } = response;
    const outcome = response.headers.get('x-webhook-outcome') ?? outcomeOf(status);
    const answer = textMembersOf(text);
    return { eventId: answer.eventId ?? eventId, outcome, status, code: ok ? null : (answer.code ?? null) };
  } catch (error) {
    return { eventId, outcome: 'no_answer', status: null, code: socketCode(error) };
  }
}

/** For responses without the outcome header: from a proxy, or from a receiver that is stopping. */
function outcomeOf(status: number): string {
  if (status >= 500) return 'unavailable';
  return status >= 400 ? 'rejected' : 'unknown';
}

/** The provider's id, if there is no answer. Some providers name the event in a signed header. */
function identify(provider: Provider, { body, channel, headers }: SampleRequest): string | null {
  try {
    return provider.identify(body, channel, headers).eventId;
  } catch {
    return null;
  }
}

/** The receiver's answer: the id under which the event is recorded, or an error's code. Twilio is answered in XML. */
function textMembersOf(answer: string): { eventId?: string; code?: string } {
  try {
    const members = Object.entries(JSON.parse(answer) as object);
    return Object.fromEntries(members.filter(([, value]) => typeof value === 'string'));
  } catch {
    return {};
  }
}

function socketCode(error: unknown): string {
  const { name, cause } = error as { name?: string; cause?: { code?: string; errors?: { code?: string }[] } };
  if (name === 'TimeoutError') return 'timeout';
  return cause?.code ?? cause?.errors?.[0]?.code ?? 'failed';
}
