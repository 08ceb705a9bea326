import t from 'tap';
import { judge, type Observed, usualBounds } from '../faults/siege/judge.js';

const well: Observed = {
  appliedMs: Array.from({ length: 100 }, () => 20),
  answeredMs: Array.from({ length: 100 }, () => 5),
  lost: 0,
  refused: 0,
  attackerLost: 0,
  receiverMib: 200,
  workerMib: 200,
  restarts: 0,
  findings: [],
};

t.test('a siege that cost the other firm nothing is passed', (t) => {
  t.same(judge(well, usualBounds), []);
  t.end();
});

t.test('whatever it cost is noticed', (t) => {
  const late = [...Array.from({ length: 97 }, () => 20), 9_000, 9_000, 9_000];
  const broken: [Partial<Observed>, RegExp][] = [
    [{ appliedMs: late }, /^applied after \(p99\): 9000 ms/],
    [{ appliedMs: [1, 2, 3] }, /^only 3 events/],
    [{ answeredMs: late }, /^answered after/],
    [{ lost: 1 }, /^lost: 1/],
    [{ refused: 1 }, /^never acknowledged: 1/],
    [{ attackerLost: 1 }, /^the attacker's own/],
    [{ receiverMib: 2_000 }, /^memory of the receiver/],
    [{ workerMib: 2_000 }, /^memory of a worker/],
    [{ restarts: 1 }, /^restarts: 1/],
    [{ findings: ['what the attack found'] }, /^what the attack found$/],
  ];
  for (const [change, expected] of broken) {
    const found = judge({ ...well, ...change }, usualBounds);
    t.equal(found.length, 1, String(expected));
    t.match(found[0], expected);
  }
  t.end();
});
