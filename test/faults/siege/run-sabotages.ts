import type { FaultServers } from '../servers.js';
import { runSiege } from './run-siege.js';
import { siegeSabotages } from './sabotages.js';

/** `choice`: `list`, `all` or a name. Passes where the attack notices that its bound is gone. */
export async function runSiegeSabotages(
  servers: FaultServers,
  choice: string,
  keepLogs: boolean,
): Promise<{ passed: number; failed: number }> {
  if (choice === 'list') {
    for (const { name, what, attack } of siegeSabotages) console.log(`${name}  ${what}  (${attack})`);
    return { passed: siegeSabotages.length, failed: 0 };
  }
  const chosen = siegeSabotages.filter(({ name }) => choice === 'all' || name === choice);
  if (chosen.length === 0)
    throw new Error(`there is no sabotage ${choice}: --siege --sabotage list names them`);
  let failed = 0;
  for (const { name, what, attack, scale, edits } of chosen) {
    const [result] = await runSiege({ servers, scale, only: attack, edits, keepLogs });
    const isNoticed = (result?.broken.length ?? 0) > 0;
    if (!isNoticed) failed++;
    console.log(`${isNoticed ? '✓ noticed' : '✗ NOT noticed'}: ${name} (${what})`);
  }
  return { passed: chosen.length - failed, failed };
}
