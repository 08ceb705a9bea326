import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import { fitsJsonb } from '../../packages/database/src/ledger/json-fit.js';
import { digits, jsonText, nested } from '../support/json-text.js';
import { createTestDatabase } from '../support/servers.js';

// A text wrongly called fitting would fail its event at every attempt. A text wrongly called unfit would be missing
// from every search.

t.test('fitsJsonb accepts exactly what PostgreSQL accepts', async (t) => {
  const database = await createTestDatabase(t);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  t.teardown(() => client.end());

  /** IS NULL: a number may have 131,072 digits, too many to return. */
  const isTaken = async (json: string): Promise<boolean> => {
    JSON.parse(json); // only valid JSON is tested
    return client.query('SELECT $1::jsonb IS NULL', [json]).then(
      () => true,
      () => false,
    );
  };

  await t.test('texts that PostgreSQL refuses', async (t) => {
    const texts: Record<string, string> = {
      'a NUL': String.raw`"\u0000"`,
      'a NUL in a name': String.raw`{"\u0000":1}`,
      'a NUL behind an escaped backslash': String.raw`"\\\u0000"`,
      'a NUL behind a string with escapes': String.raw`["\n","x","\u0000"]`,
      'a lone high surrogate': String.raw`"\ud83d"`,
      'a lone low surrogate': String.raw`"\ude00"`,
      'a pair the wrong way round': String.raw`"\ude00\ud83d"`,
      'two halves around an escaped backslash': String.raw`"\ud83d\\\ude00"`,
      'two halves around two escaped backslashes': String.raw`"\ud83d\\\\\ude00"`,
      'two halves around a letter': String.raw`"\ud83dx\ude00"`,
      'two halves in two texts': String.raw`["\ud83d","\ude00"]`,
      'a half before another escape': String.raw`"\ud83d\u0041"`,
      'a half behind an escaped backslash': String.raw`"\\\ud800"`,
      'a half as a name': String.raw`{"\ud800":1}`,
      'high, high, low': String.raw`"\ud83d\ud83d\ude00"`,
      'one digit too many': digits(131_073),
      'one digit too many, negative': `-${digits(131_073)}`,
      'one digit too many behind the point': `0.${digits(16_384)}`,
      'one zero too many behind the point': `1.${'0'.repeat(16_384)}`,
      'an exponent too large': '1e131072',
      'an exponent too large for what is before it': '10e131071',
      'an exponent too large for what is behind the point': '0.001e131075',
      'an exponent too small': '1e-16384',
      'an exponent too small for what is behind the point': '1.5E-16383',
      'a zero with an exponent too small': '0e-16384',
      'an exponent beyond integers': '0e99999999999999999999',
      'deep nesting': nested(20_000),
      'deep nesting behind closing brackets in a text': `["${']'.repeat(30_000)}",${nested(20_000)}]`,
      'deep nesting with a closing bracket in a text on each level': `${'["]",'.repeat(20_000)}1${']'.repeat(20_000)}`,
      'deep nesting with a closing brace in each name': `${'{"}":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
      'an escaped quote before the brackets': String.raw`["\"${']'.repeat(30_000)}",${nested(20_000)}]`,
      'an escaped backslash at the end of a text': String.raw`["\\",${nested(20_000)}]`,
    };
    for (const [name, json] of Object.entries(texts)) {
      t.notOk(await isTaken(json), `${name}, refused`);
      t.notOk(fitsJsonb(json), name);
    }
  });

  await t.test('texts that PostgreSQL accepts', async (t) => {
    const texts: Record<string, string> = {
      'an id that looks like a large exponent': '"evt_1e1234"',
      'a UUID that looks like one': '{"4e5a0000-1e12-4e1234567890":"0e99999-8E-9999"}',
      'what reads as NUL behind an escaped backslash': String.raw`"\\u0000"`,
      'the same, twice escaped': String.raw`["\\\\u0000","\\\\\\ud800"]`,
      'what reads as half a pair behind an escaped backslash': String.raw`"\\ud800"`,
      'many digits in a text': `"${digits(400)}"`,
      'a number of many digits': `[${digits(131_072)},-${digits(131_072)}]`,
      'many digits behind the point': `0.${digits(16_383)}`,
      'the largest exponent': '[1e131071,9.99E+131071,0.001e131074]',
      'the smallest exponent': '[1e-16383,1.5e-16382]',
      'a zero with a large exponent': '[0e99999,-0.000e131080]',
      'an exponent with zeros before it': '1e00000000000000000010',
      'digits that an exponent takes back': `0.${digits(17_000)}e700`,
      'a pair': String.raw`"\ud83d\ude00"`,
      'a pair in capital letters': String.raw`"\uD83D\uDE00"`,
      'two pairs': String.raw`"\ud83d\ude00\ud83d\ude00"`,
      'a quote and brackets in a text': String.raw`["\"]]]","{[",{"}":"\\"}]`,
      'brackets in a text': `"${'['.repeat(1_000)}"`,
      'nesting up to the bound': nested(2_000),
      'a real emoji': '"😀"',
      'a letter that is none': String.raw`"\uffff"`,
      'white space and words': ' {\t"a" :\n[ true , false,null\r] }\n',
      'an empty object': '{}',
    };
    for (const [name, json] of Object.entries(texts)) {
      t.ok(await isTaken(json), `${name}, taken`);
      t.ok(fitsJsonb(json), name);
    }
  });

  await t.test('our own bounds are below those of PostgreSQL', async (t) => {
    t.notOk(fitsJsonb(nested(2_001)));
    t.ok(await isTaken(nested(2_001)));
    t.notOk(fitsJsonb(`"${'x'.repeat(40 * 1024 * 1024)}"`));
    const large = (count: number) => `[${Array(count).fill('1e131071')}]`;
    t.notOk(fitsJsonb(large(257)));
    t.ok(await isTaken(large(257)));
    t.ok(fitsJsonb(large(256)));
    const { rows } = await client.query('SELECT length($1::jsonb::text) AS length', [large(256)]);
    t.equal(rows[0].length, 256 * (131_072 + 2), 'what fits can be read again');
  });

  await t.test('random JSON', async (t) => {
    let [taken, refused] = [0, 0];
    const agrees = async (text: string) => {
      const isFine = await isTaken(text);
      if (isFine) taken++;
      else refused++;
      return fitsJsonb(text) === isFine;
    };
    await t.resolves(fc.assert(fc.asyncProperty(jsonText, agrees), { numRuns: 3_000 }));
    t.ok(taken > 300 && refused > 300, `both happen: ${taken} taken, ${refused} refused`);
  });
});
