import { type EntityRef, fromBody, type WebhookEvent } from '@semel/core';
import { idOf } from '../clean-text.js';
import { asObject, parseObject } from '../json.js';

/** An envelope named by a message without its data. */
export interface BareEnvelope {
  ref: EntityRef;
  account: string;
}

/** null if the message has the envelope's data or is not about an envelope. A message without data is always small. */
export function bareEnvelopeOf(event: WebhookEvent): BareEnvelope | null {
  if (event.provider !== 'docusign' || !/^(envelope|recipient)-./.test(event.type)) return null;
  const body = fromBody(event.body);
  const data = body === null ? null : asObject(parseObject(body)?.data);
  const externalId = idOf(data?.envelopeId);
  if (externalId === null || asObject(data?.envelopeSummary) !== null) return null;
  const isAskable = [externalId, event.account].every((id) => id !== null && /^[\w-]{1,64}$/.test(id));
  return isAskable ? { ref: { entity: 'envelope', externalId }, account: event.account ?? '' } : null;
}
