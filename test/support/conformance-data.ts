import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The providers' own examples and vectors: a folder beside the repository, which may be missing. */
const folder = fileURLToPath(new URL('../../../shared/conformance', import.meta.url));
export const noConformanceData = existsSync(folder)
  ? false
  : 'the shared conformance data is not there; the vectors in this repository still run';

/** One vector: a signature, the signed data, and the expected verdict. */
export interface SharedVector {
  name: string;
  level?: string;
  expect: boolean | 'throws';
  expectBytesExact?: boolean;
  headers?: Record<string, string>;
  url?: string;
  secret?: string;
  secrets?: string[];
  body?: string;
  bodyBase64?: string;
  params?: Record<string, string | string[]>;
  receivedAtMs?: number;
}

/** Not a request: the signed bytes have no timestamp. */
export const isPrimitive = ({ level }: SharedVector): boolean => level?.startsWith('hmac-primitive') === true;

/** Vectors whose verdict differs from ours, and why. */
const deviations: Record<string, { verdict: boolean; because: string }> = {
  'lower-case-host signature against https://MyCompany.com:1234/myapp.php?foo=1&bar=2 (C# SDK rejects)': {
    verdict: true,
    because: 'the SDK for Node also tries the URL in lower case, and the SDK is our verifier',
  },
  'future timestamp (+1 h)': {
    verdict: false,
    because: 'the SDK looks only at times in the past; 300 s is the limit here in both directions',
  },
};

export const verdictOf = ({ name, expect, expectBytesExact }: SharedVector): boolean =>
  deviations[name]?.verdict ?? expectBytesExact ?? expect === true;

export function bodyOf({ params, body, bodyBase64 }: SharedVector): Buffer {
  if (bodyBase64 !== undefined) return Buffer.from(bodyBase64, 'base64');
  if (params === undefined) return Buffer.from(body ?? '');
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(params))
    for (const item of [value].flat()) form.append(name, item);
  return Buffer.from(form.toString());
}

export const readVectors = (provider: string): SharedVector[] =>
  JSON.parse(readShared('vectors', `${provider}.json`));

export const readShared = (...path: string[]): string => readFileSync(join(folder, ...path), 'utf8');

export const readExample = (...path: string[]) => JSON.parse(readShared('events', ...path));

export const listShared = (...path: string[]): string[] =>
  readdirSync(join(folder, ...path), { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);
