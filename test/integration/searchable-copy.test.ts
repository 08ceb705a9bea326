import { providers } from '@semel/providers';
import pg from 'pg';
import t from 'tap';
import { searchableCopy } from '../../packages/database/src/ledger/searchable-copy.js';
import { createTestDatabase } from '../support/servers.js';

// The searchable copy equals what was sent, or is missing.

const bytes = (...values: number[]) => Buffer.from(values);
const mark = bytes(0xef, 0xbb, 0xbf);
const body = (...parts: (string | Buffer)[]) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const providerOf = (name: string) => {
  const found = providers.find((provider) => provider.name === name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

t.test('the searchable copy of a body equals what was sent, or is missing', async (t) => {
  const database = await createTestDatabase(t);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  t.teardown(() => client.end());

  /** The copy as the ledger's own statement computes it. */
  const stored = async (provider: string, raw: Buffer): Promise<unknown> => {
    const { rows } = await client.query(
      "SELECT CASE WHEN $1::text = '' THEN convert_from($2::bytea, 'UTF8')::jsonb ELSE $1::text::jsonb END AS data",
      [searchableCopy(providerOf(provider), raw), raw],
    );
    return rows[0].data;
  };
  const cases: [what: string, provider: string, raw: Buffer, wanted: unknown][] = [
    ['JSON', 'stripe', body('{"id":"evt_1e1234"}'), { id: 'evt_1e1234' }],
    ['what only looks like NUL', 'stripe', body('{"a":"\\\\u0000"}'), { a: '\\u0000' }],
    ['NUL', 'stripe', body('{"a":"\\u0000"}'), null],
    ['a number too large', 'square', body('{"a":1e131072}'), null],
    ['a byte order mark', 'stripe', body(mark, '{"a":"é"}'), { a: 'é' }],
    ['two of them', 'stripe', body(mark, mark, '{"a":1}'), null],
    ['a byte order mark inside a text', 'stripe', body('{"a":"', mark, '"}'), { a: '\ufeff' }],
    ['a broken character', 'stripe', body('{"a":"', bytes(0xc3), '"}'), null],
    ['a broken character behind a mark', 'stripe', body(mark, '{"a":"', bytes(0xc3), '"}'), null],
    ['a character that is too long', 'square', body('{"a":"', bytes(0xc0, 0x80), '"}'), null],
    ['half a pair in bytes', 'docusign', body('{"a":"', bytes(0xed, 0xa0, 0x80), '"}'), null],
    ['a character beyond Unicode', 'docusign', body('{"a":"', bytes(0xf4, 0x90, 0x80, 0x80), '"}'), null],
    ['no JSON', 'stripe', body('not JSON'), null],
    ['nothing', 'stripe', body(''), null],
    ['UTF-16', 'stripe', Buffer.from('{"a":1}', 'utf16le'), null],
    ['a form', 'twilio', body('Body=1e1234+%5Cu0000&To=%2B1'), { Body: '1e1234 \\u0000', To: '+1' }],
    ['a form with NUL', 'twilio', body('Body=a%00b'), null],
    ['a form that is not UTF-8', 'twilio', body('Body=', bytes(0xff)), null],
    ['more than a search is worth', 'stripe', body(`{"a":"${'x'.repeat(1024 * 1024)}"}`), null],
  ];
  for (const [what, provider, raw, wanted] of cases) t.same(await stored(provider, raw), wanted, what);
});
