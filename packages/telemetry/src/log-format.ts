import { isatty } from 'node:tty';

export type LogFormat = 'pretty' | 'json';

/** The configured format; by default text on a terminal and JSON elsewhere. */
export const chooseLogFormat = (configured: LogFormat | null, isTerminal: boolean = isatty(1)): LogFormat =>
  configured ?? (isTerminal ? 'pretty' : 'json');
