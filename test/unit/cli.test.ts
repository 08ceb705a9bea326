import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { parseSince } from '../../apps/cli/src/input/since.js';
import { safeText } from '../../apps/cli/src/output/safe-text.js';
import { table } from '../../apps/cli/src/output/table.js';
import { buildProgram } from '../../apps/cli/src/program.js';
import type { DeliveryResult } from '../../apps/cli/src/send/deliver.js';
import { type SendAllOptions, sendAll } from '../../apps/cli/src/send/send-all.js';
import { toCommandResult } from '../../apps/cli/src/send/to-command-result.js';
import { storeFailure } from '../../apps/cli/src/stores/store-failure.js';
import { toCliError } from '../../apps/cli/src/to-cli-error.js';

type Program = ReturnType<typeof buildProgram>;

/** The commands that do something, with all of their names. */
const leavesOf = (command: Program, names: string[] = []): { name: string; command: Program }[] =>
  command.commands.length === 0
    ? [{ name: names.join(' '), command }]
    : command.commands.flatMap((inner) => leavesOf(inner as Program, [...names, inner.name()]));

t.test('every command has a description and a valid example', async (t) => {
  const leaves = leavesOf(buildProgram({ json: false }));
  t.ok(leaves.length >= 18);
  for (const { name, command } of leaves) {
    const out: string[] = [];
    command.configureOutput({ writeOut: (text) => void out.push(text) }).outputHelp();
    const help = out.join('');
    t.match(command.description(), /^[a-z][^\n]{6,}[^.]$/, name);
    t.match(help, new RegExp(`Examples?:\\n  semel ${name}`), name);
    t.match(help, '--json', name);
    for (const argument of [...command.registeredArguments, ...command.options])
      t.not(argument.description, '', `${name}: each argument is explained`);
  }
});

t.test('a time is ISO or a duration ago', async (t) => {
  const now = Date.parse('2026-09-10T12:00:00Z');
  for (const [text, iso] of [
    ['15m', '2026-09-10T11:45:00.000Z'],
    ['2h', '2026-09-10T10:00:00.000Z'],
    ['3d', '2026-09-07T12:00:00.000Z'],
    ['2026-09-01', '2026-09-01T00:00:00.000Z'],
    ['2026-09-01T10:00', '2026-09-01T10:00:00.000Z'],
    ['2026-09-01T10:00:00.5+02:00', '2026-09-01T08:00:00.500Z'],
  ] as const)
    t.equal(parseSince(text, now).toISOString(), iso, text);
  for (const wrong of ['', '15', '3w', '-1h', 'yesterday', '2026-13-01', '2026', '999999d'])
    t.throws(() => parseSince(wrong, now), { code: 'commander.invalidArgument' }, wrong);
});

t.test('a table is aligned, and escapes control characters', async (t) => {
  const at = new Date('2026-09-01T00:00:00Z');
  t.equal(
    table(
      ['A', 'LONGER', 'C'],
      [
        ['x\u001b[2J', null, at],
        [1, ['a', 'b'], ''],
      ],
      'none',
    ),
    'A           LONGER  C\nx\\u001b[2J  -       2026-09-01T00:00:00.000Z\n1           a, b    -',
  );
  t.equal(table(['A'], [], 'There is none.'), 'There is none.');
  t.equal(safeText('é\u202e\n'), 'é\\u202e\\u000a');
});

const answer = (index: number): DeliveryResult => ({
  eventId: `evt_${index}`,
  outcome: 'accepted',
  status: 200,
  code: null,
});
const noAnswer = (index: number): DeliveryResult => ({
  ...answer(index),
  outcome: 'no_answer',
  status: null,
  code: 'ECONNREFUSED',
});

function sending(deliver: SendAllOptions['deliver'], options: Partial<SendAllOptions> = {}) {
  return sendAll({
    total: 100,
    rate: undefined,
    stop: new AbortController().signal,
    onProgress: () => undefined,
    deliver,
    ...options,
  });
}

t.test('deliveries start in order, with bounded concurrency', async (t) => {
  const begun: number[] = [];
  let atOnce = 0;
  let most = 0;
  const results = await sending(async (index) => {
    begun.push(index);
    most = Math.max(most, ++atOnce);
    await sleep(Math.random() * 5);
    atOnce -= 1;
    return answer(index);
  });
  const indices = Array.from({ length: 100 }, (_, index) => index);
  t.strictSame(begun, indices);
  t.strictSame(results, indices.map(answer));
  t.ok(most > 1 && most <= 32, `${most} at once`);
});

t.test('the send rate is respected', async (t) => {
  const beganMs = performance.now();
  await sending(async (index) => answer(index), { total: 11, rate: 100 });
  t.ok(performance.now() - beganMs >= 99);
});

t.test('sending stops early if nothing ever answered, and continues if something did', async (t) => {
  const deserted = await sending(async (index) => noAnswer(index), { total: 10_000 });
  t.ok(deserted.length <= 64);
  const restarted = await sending(async (index) => (index > 20 && index < 80 ? noAnswer : answer)(index), {
    rate: 5_000,
  });
  t.equal(restarted.length, 100);
});

t.test('an interrupted send waits for open requests, and prints their answers', async (t) => {
  const controller = new AbortController();
  const results = await sending(
    async (index) => {
      if (index === 5) controller.abort();
      return answer(index);
    },
    { stop: controller.signal, rate: 1_000 },
  );
  t.equal(results.length, 6);
});

t.test('one failed delivery fails the whole command', async (t) => {
  const good = toCommandResult([answer(1), { ...answer(1), outcome: 'duplicate' }, answer(2)]);
  t.strictSame(good.value, {
    sent: 3,
    outcomes: { accepted: 2, duplicate: 1 },
    events: [
      { eventId: 'evt_1', outcomes: { accepted: 1, duplicate: 1 } },
      { eventId: 'evt_2', outcomes: { accepted: 1 } },
    ],
  });
  t.notOk(good.failure);
  const refused = { ...answer(2), outcome: 'rejected', status: 401, code: 'signature_invalid' };
  t.match(toCommandResult([answer(1), refused]).failure, {
    code: 'delivery_refused',
    exitCode: 1,
    message: '1 of 2 deliveries were not taken: 1 401 signature_invalid',
  });
  const many = Array.from({ length: 60 }, (_, index) => answer(index));
  t.equal(toCommandResult(many).text, '60 sent: 60 accepted', 'a long list of good ones is no news');
});

t.test('a store error names the address, and never the password', async (t) => {
  const url = 'postgres://u:hunter2@db.example:5432/semel?password=hunter2';
  const store = { title: 'PostgreSQL', variable: 'DATABASE_URL', url } as const;
  const of = (code: string) => storeFailure(store, Object.assign(new Error('x'), { code }));
  t.match(of('ECONNREFUSED'), {
    code: 'store_unavailable',
    message: "PostgreSQL at db.example:5432/semel can't be reached (ECONNREFUSED)",
  });
  t.match(of('28P01').message, /refuses the login$/);
  t.match(of('3D000').message, /no such database$/);
  t.match(of('42P01').advice, /semel migrate/);
});

t.test('every thrown value becomes one line', async (t) => {
  const refused = (code: 'firm_unknown' | 'slug_invalid', message: string, advice: string) =>
    Object.assign(new Error(message), { name: 'AdminError', code, advice });
  t.match(toCliError(refused('firm_unknown', 'There is no firm "a. b"', 'list the firms')), {
    code: 'firm_unknown',
    exitCode: 1,
    message: 'There is no firm "a. b"',
    advice: 'list the firms',
  });
  t.match(toCliError(refused('slug_invalid', 'No', 'choose another')), { exitCode: 2 });
  t.match(toCliError(new Error('\nInvalid invocation:\n\nmore')), {
    code: 'internal',
    message: 'Invalid invocation:',
  });
  t.match(toCliError('x'), { code: 'internal', message: 'x' });
});
