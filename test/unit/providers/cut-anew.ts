import fc from 'fast-check';

export type Pair = readonly [name: string, value: string];

const sorted = (pairs: readonly Pair[]) => [...pairs].sort(([a], [b]) => (a < b ? -1 : 1));

/** What Twilio signs of a form: names and values, sorted by name, without separators. */
export const signedText = (pairs: readonly Pair[]): string => sorted(pairs).flat().join('');

const keyNames = ['MessageSid', 'SmsSid', 'MessageStatus', 'SmsStatus', 'ErrorCode', 'RawDlrDoneDate'];

/** Where a name begins, and where its value begins. */
type Cut = [name: number, value: number];

/** Other forms with the same signed text, and so the same signature: some splits are moved, added or removed. */
export function cutsAnew(pairs: readonly Pair[]): fc.Arbitrary<Pair[]> {
  const text = signedText(pairs);
  const cuts: Cut[] = [];
  let at = 0;
  for (const [name, value] of sorted(pairs)) {
    cuts.push([at, at + name.length]);
    at += name.length + value.length;
  }
  const places = cuts.flat();
  const spots = keyNames.flatMap((name) =>
    [...text.matchAll(new RegExp(name, 'g'))].flatMap(({ index }) => [
      [index, index + name.length] as Cut,
      [index - 1, index + name.length] as Cut,
    ]),
  );
  const shift = fc.integer({ min: -3, max: 12 });
  const index = fc.nat(cuts.length - 1);
  const edit = fc.oneof(
    fc.record({ leftOut: index }),
    fc.record({ moved: index, name: shift, value: shift }),
    fc.record({ made: fc.constantFrom(...spots) }),
    fc.record({ made: fc.tuple(fc.constantFrom(...places), shift, fc.nat(14)).map(from) }),
    fc.record({ made: fc.tuple(fc.nat(text.length - 1), fc.constant(0), fc.nat(20)).map(from) }),
  );
  return fc.array(edit, { minLength: 1, maxLength: 8 }).map((edits) => {
    const changed = new Map<number, Cut | null>();
    const made: Cut[] = [];
    for (const each of edits)
      if ('leftOut' in each) changed.set(each.leftOut, null);
      else if ('made' in each) made.push(each.made);
      else {
        const [name, value] = cuts[each.moved] as Cut;
        changed.set(each.moved, [name + each.name, value + each.value]);
      }
    const kept = cuts.map((cut, i) => (changed.has(i) ? changed.get(i) : cut)).filter((cut) => cut != null);
    return formOf(text, [...kept, ...made]);
  });
}

const from = ([place, shifted, length]: [number, number, number]): Cut => [
  place + shifted,
  place + shifted + length,
];

/** The signature sorts the names: splits that would break that order are left out. */
function formOf(text: string, wanted: readonly Cut[]): Pair[] {
  const cuts: Cut[] = [];
  for (const [name, value] of [...wanted].sort(([a], [b]) => a - b)) {
    const last = cuts.at(-1);
    const begin = last === undefined ? 0 : name;
    const isNext = last === undefined || (begin > last[0] && begin >= last[1]);
    if (!isNext || value < begin || value > text.length) continue;
    if (last !== undefined && text.slice(...last) >= text.slice(begin, value)) continue;
    cuts.push([begin, value]);
  }
  return cuts.map(
    ([name, value], i): Pair => [text.slice(name, value), text.slice(value, cuts[i + 1]?.[0] ?? text.length)],
  );
}
