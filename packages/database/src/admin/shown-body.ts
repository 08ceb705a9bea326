import { toBody } from '@semel/core';

/** The exact bytes: as text if they are UTF-8, else as base64. */
export interface ShownBody {
  eventRaw: string;
  eventRawEncoding: 'utf8' | 'base64';
}

export function showBody(bytes: Uint8Array): ShownBody {
  const body = toBody(Buffer.from(bytes));
  return 'utf8' in body
    ? { eventRaw: body.utf8, eventRawEncoding: 'utf8' }
    : { eventRaw: 'base64' in body ? body.base64 : '', eventRawEncoding: 'base64' };
}
