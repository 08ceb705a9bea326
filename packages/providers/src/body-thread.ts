import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { type Provider, type ReadingProvider, RejectedError, type RejectionCode } from '@semel/core';
import { providerNamed } from './registry.js';

/** Larger bodies are parsed in a thread: 25 MiB take a second, and other requests must not wait for that. */
export const largeBytes = 1024 * 1024;

/** Limits on reading one large body. */
export const bodyThreadLimits = { timeoutMs: 2_000, memoryMb: 512 };

export interface BodyThreadOptions {
  /** Time limit for one call of a provider function, in milliseconds. Default: that of `bodyThreadLimits`. */
  timeoutMs?: number;
  /** Heap limit of the thread, in MiB. Default: that of `bodyThreadLimits`. */
  memoryMb?: number;
}

/** A call that the thread makes: one of a provider's pure functions, by name. */
export interface Question {
  provider: string;
  name: 'verify' | 'identify' | 'changesOf';
  args: readonly unknown[];
}

export type Answer =
  | { value: unknown }
  | { rejected: { code: RejectionCode; detail: string; hint: string | null } }
  | { error: string };

export interface BodyThread {
  /** The same provider with functions that read large bodies in the thread. A provider outside the registry is returned as is. */
  reading(provider: Provider): ReadingProvider;
  close(): Promise<void>;
}

/**
 * Reads large bodies one after the other in a thread, which starts with the first body. A body that exceeds `timeoutMs` or
 * `memoryMb` fails with `too_complex` and ends the thread; the next body starts a new one.
 */
export function openBodyThread({
  timeoutMs = bodyThreadLimits.timeoutMs,
  memoryMb = bodyThreadLimits.memoryMb,
}: BodyThreadOptions = {}): BodyThread {
  let thread: Promise<Worker> | null = null;
  let last: Promise<unknown> = Promise.resolve();

  function ask(question: Question): Promise<unknown> {
    const answered = last.then(() => send(question));
    last = answered.catch(() => undefined);
    return answered;
  }

  async function send(question: Question): Promise<unknown> {
    thread ??= startThread(memoryMb).catch((error: unknown) => {
      thread = null;
      throw error;
    });
    const worker = await thread;
    worker.ref();
    let timer: NodeJS.Timeout | undefined;
    try {
      const answer = await new Promise<Answer>((resolve, reject) => {
        const giveUp = () => {
          thread = null;
          void worker.terminate();
          reject(new RejectedError('too_complex'));
        };
        timer = setTimeout(giveUp, timeoutMs);
        worker.once('message', resolve).once('exit', giveUp);
        worker.postMessage(question);
      });
      if ('value' in answer) return answer.value;
      throw toError(answer);
    } finally {
      clearTimeout(timer);
      worker.removeAllListeners('message').removeAllListeners('exit').unref();
    }
  }

  return {
    reading(provider) {
      if (providerNamed(provider.name) === null) return provider;
      const isSmall = (body: Buffer) => body.length <= largeBytes;
      const inThread = <T>(name: Question['name'], ...args: unknown[]) =>
        ask({ provider: provider.name, name, args }) as Promise<T>;
      return {
        ...provider,
        verify: (request) =>
          isSmall(request.body) ? provider.verify(request) : inThread<boolean>('verify', request),
        identify: (body, channel, headers) =>
          isSmall(body)
            ? provider.identify(body, channel, headers)
            : inThread('identify', body, channel, headers),
        changesOf: (event, body) =>
          isSmall(body) ? provider.changesOf(event, body) : inThread('changesOf', event, body),
      };
    },
    async close() {
      await last;
      await (await thread)?.terminate();
    },
  };
}

/** Resolves when the thread has loaded the providers. */
async function startThread(memoryMb: number): Promise<Worker> {
  const worker = new Worker(threadFile(), {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: memoryMb },
  });
  worker.on('error', () => undefined); // out of memory; `exit` follows
  await once(worker, 'message');
  return worker;
}

/** `read-body` next to this file, built or bundled. The sources use the built file: a thread can't load TypeScript. */
function threadFile(): URL {
  const extension = /\.\w+$/.exec(import.meta.url)?.[0];
  return new URL(extension === '.ts' ? '../dist/read-body.js' : `./read-body${extension}`, import.meta.url);
}

function toError(answer: Exclude<Answer, { value: unknown }>): Error {
  if ('error' in answer) return new Error(answer.error);
  const { code, detail, hint } = answer.rejected;
  return new RejectedError(code, detail, hint);
}
