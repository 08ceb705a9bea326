import fc from 'fast-check';

export const nested = (depth: number, inner = '') => '['.repeat(depth) + inner + ']'.repeat(depth);
export const digits = (count: number) => '7'.repeat(count);

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
  '1e-99999',
  '7'.repeat(400),
);
const text = fc.oneof(
  { weight: 3, arbitrary: fc.array(piece, { maxLength: 6 }).map((pieces) => `"${pieces.join('')}"`) },
  { weight: 2, arbitrary: fc.uuid().map((id) => `"${id}"`) },
  { weight: 2, arbitrary: fc.string({ unit: 'binary' }).map((value) => JSON.stringify(value)) },
);
const near = (...values: number[]) =>
  fc.tuple(fc.constantFrom(...values), fc.integer({ min: -4, max: 4 })).map(([value, off]) => value + off);
const whole = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('0', '1', '10', '900', '123456789') },
  { weight: 1, arbitrary: near(131_072, 130_000).map(digits) },
);
const fraction = fc.oneof(
  { weight: 4, arbitrary: fc.constant('') },
  { weight: 4, arbitrary: fc.constantFrom('.0', '.5', '.001', '.000', '.10') },
  {
    weight: 1,
    arbitrary: near(16_383, 16_000).map((count) => `.${'0'.repeat(count - 1)}${count % 2}`),
  },
);
const exponent = fc.oneof(
  { weight: 2, arbitrary: fc.constant('') },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom('e', 'E'),
        fc.constantFrom('', '+', '-', '-0'),
        near(5, 400, 16_383, 131_071, 99_999),
      )
      .map(([letter, sign, value]) => `${letter}${sign}${value}`),
  },
  { weight: 1, arbitrary: fc.constantFrom('e1073741900', 'e-2147483648', 'E99999999999999999999') },
);
const number = fc.tuple(fc.constantFrom('', '-'), whole, fraction, exponent).map((parts) => parts.join(''));
const deep = fc.integer({ min: 1, max: 250 }).map((depth) => nested(depth, '"]{["'));
/** JSON with difficult escapes, numbers around PostgreSQL's limits, and texts that only look like either. */
export const { json: jsonText } = fc.letrec<{ json: string; list: string; object: string }>((tie) => ({
  json: fc.oneof({ depthSize: 'small' }, text, number, deep, tie('list'), tie('object')),
  list: fc.array(tie('json'), { maxLength: 4 }).map((items) => `[${items.join(', ')}]`),
  object: fc
    .array(fc.tuple(text, tie('json')), { maxLength: 4 })
    .map((members) => `{${members.map(([name, value]) => `${name}:${value}`).join(',')}}`),
}));
