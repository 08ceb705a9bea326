import { readFileSync } from 'node:fs';
import t from 'tap';
import { sabotageKinds } from './fault-kinds.js';
import { sabotages } from './sabotages.js';
import { attacks } from './siege/attacks.js';
import { siegeSabotages } from './siege/sabotages.js';

const root = new URL('../../', import.meta.url);

t.test('the source text that each sabotage replaces still exists', async (t) => {
  for (const { name, edits, faults, sql } of sabotages) {
    for (const { file, find } of edits)
      t.equal(readFileSync(new URL(file, root), 'utf8').split(find).length, 2, `${name}: once in ${file}`);
    t.ok(edits.length > 0 || sql !== undefined, `${name} breaks something`);
    for (const kind of Object.keys(faults))
      t.ok(
        sabotageKinds.some((each) => each.name === kind),
        `${name}: there is a fault ${kind}`,
      );
  }
});

t.test('each sabotage of the siege still finds the bound that it takes away', async (t) => {
  for (const { name, edits, attack } of siegeSabotages) {
    for (const { file, find } of edits)
      t.equal(readFileSync(new URL(file, root), 'utf8').split(find).length, 2, `${name}: once in ${file}`);
    t.ok(
      attacks.some((each) => each.name === attack),
      `${name}: there is an attack ${attack}`,
    );
  }
});
