import type { FaultOptions } from './options.js';

export async function runSabotages(_options: FaultOptions): Promise<{ passed: number; failed: number }> {
  return { passed: 0, failed: 1 };
}
