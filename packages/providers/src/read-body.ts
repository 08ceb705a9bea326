import { parentPort } from 'node:worker_threads';
import { RejectedError } from '@semel/core';
import type { Answer, Question } from './body-thread.js';
import { providerNamed } from './registry.js';

// The thread that body-thread.ts starts.

parentPort?.on('message', (question: Question) => parentPort?.postMessage(answerTo(question)));
parentPort?.postMessage('ready');

function answerTo({ provider, name, args }: Question): Answer {
  try {
    for (const body of args.map(bodyOf)) if (body !== null) assertFewValues(body);
    const ask = providerNamed(provider)?.[name] as (...args: unknown[]) => unknown;
    return { value: ask(...args.map(withBuffers)) };
  } catch (error) {
    if (!(error instanceof RejectedError))
      return { error: error instanceof Error ? error.message : String(error) };
    const { code, detail, hint } = error;
    return { rejected: { code, detail, hint } };
  }
}

/** Limit on JSON values in a body, about 100 MB of objects: a thread that runs out of memory ends the whole process. */
export const mostValues = 1_000_000;

/** Counts the characters that begin or separate values. Commas in strings count too; real documents are base64, without commas. */
function assertFewValues(body: Uint8Array): void {
  let values = 0;
  for (let at = 0; at < body.length; at++) {
    const byte = body[at];
    if (byte === comma || byte === openBrace || byte === openBracket) values++;
  }
  if (values > mostValues) throw new RejectedError('too_complex');
}
const comma = 0x2c;
const openBrace = 0x7b;
const openBracket = 0x5b;

/** Restores Buffers, which arrive as plain Uint8Arrays: alone, or as the body of a request. */
function withBuffers(value: unknown): unknown {
  const body = bodyOf(value);
  if (body === null) return value;
  const buffer = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  return value === body ? buffer : { ...(value as object), body: buffer };
}

function bodyOf(value: unknown): Uint8Array | null {
  const body = typeof value === 'object' && value !== null && 'body' in value ? value.body : value;
  return body instanceof Uint8Array ? body : null;
}
