import fc from 'fast-check';
import pg from 'pg';
import t from 'tap';
import { fitsJsonb } from '../../packages/database/src/json-fit.js';
import { createTestDatabase } from '../support/servers.js';

// A text that is called fitting and is not would fail its event at the first statement, and again at every later try.

t.test('what fits is taken by Postgres', async (t) => {
  const database = await createTestDatabase(t);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  t.teardown(() => client.end());

  const isTaken = async (json: string): Promise<boolean> => {
    try {
      await client.query('SELECT $1::jsonb', [json]);
      return true;
    } catch {
      return false;
    }
  };
  const check = async (json: string) => {
    JSON.parse(json); // only valid JSON is ever asked about
    return !fitsJsonb(json) || (await isTaken(json));
  };
  const nested = (depth: number, inner = '') => '['.repeat(depth) + inner + ']'.repeat(depth);

  await t.test('texts made to slip through', async (t) => {
    const texts: Record<string, string> = {
      'a NUL': String.raw`"\u0000"`,
      'a NUL behind an escaped backslash': String.raw`"\\\u0000"`,
      'a lone high surrogate': String.raw`"\ud83d"`,
      'a lone low surrogate': String.raw`"\ude00"`,
      'a pair the wrong way round': String.raw`"\ude00\ud83d"`,
      'two halves around an escaped backslash': String.raw`"\ud83d\\\ude00"`,
      'two halves around two escaped backslashes': String.raw`"\ud83d\\\\\ude00"`,
      'two halves around a letter': String.raw`"\ud83dx\ude00"`,
      'two halves in two texts': String.raw`["\ud83d","\ude00"]`,
      'a half behind an escaped backslash': String.raw`"\\\ud800"`,
      'a half as a name': String.raw`{"\ud800":1}`,
      'high, high, low': String.raw`"\ud83d\ud83d\ude00"`,
      'a number beyond numeric': '1e999999',
      'a number of many digits': '9'.repeat(200_000),
      'many digits behind the point': `0.${'1'.repeat(20_000)}`,
      'a small number beyond numeric': '1e-99999',
      'deep nesting': nested(20_000),
      'deep nesting behind closing brackets in a text': `["${']'.repeat(30_000)}",${nested(20_000)}]`,
      'deep nesting with a closing bracket in a text on each level': `${'["]",'.repeat(20_000)}1${']'.repeat(20_000)}`,
      'deep nesting with a closing brace in each name': `${'{"}":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
      'an escaped quote before the brackets': String.raw`["\"${']'.repeat(30_000)}",${nested(20_000)}]`,
      'an escaped backslash at the end of a text': String.raw`["\\",${nested(20_000)}]`,
    };
    for (const [name, json] of Object.entries(texts)) t.ok(await check(json), name);
  });

  await t.test('ordinary bodies keep their searchable copy', async (t) => {
    const texts: Record<string, string> = {
      'a pair': String.raw`"\ud83d\ude00"`,
      'a pair in capital letters': String.raw`"\uD83D\uDE00"`,
      'what only looks like a NUL half way': String.raw`"\\ud800"`,
      'brackets in a text': `"${'['.repeat(1_000)}"`,
      'a real emoji': '"😀"',
      'an exponent': '[1e10,-2.5E-7]',
    };
    for (const [name, json] of Object.entries(texts)) {
      t.ok(fitsJsonb(json), name);
      t.ok(await isTaken(json), `${name}, taken`);
    }
  });

  await t.test('random JSON with nasty escapes', async (t) => {
    const piece = fc.constantFrom(
      String.raw`\ud83d`,
      String.raw`\ude00`,
      String.raw`\uD800`,
      String.raw`\uDFFF`,
      String.raw`\u0000`,
      String.raw`\u0001`,
      String.raw`\\`,
      String.raw`\"`,
      String.raw`\/`,
      String.raw`\n`,
      'u0000',
      'ud800',
      ']',
      '[',
      '}',
      '{',
      'é',
      '😀',
      '\u2028',
      'e9999',
    );
    const text = fc.array(piece, { maxLength: 8 }).map((pieces) => `"${pieces.join('')}"`);
    const number = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
      fc.tuple(fc.integer(), fc.integer({ min: -2_000, max: 2_000 })).map(([a, b]) => `${a}e${b}`),
      fc.tuple(fc.bigInt(), fc.bigInt({ min: 0n })).map(([a, b]) => `${a}.${b}`),
    );
    const { json } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
      json: fc.oneof({ depthSize: 'small' }, text, number, tie('list'), tie('object')),
      list: fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(',')}]`),
      object: fc
        .array(fc.tuple(text, tie('json')), { maxLength: 4 })
        .map((members) => `{${members.map(([name, value]) => `${name}:${value}`).join(',')}}`),
    }));
    await t.resolves(fc.assert(fc.asyncProperty(json, check), { numRuns: 2_000 }));
  });
});
