import { isatty } from 'node:tty';

export type LogFormat = 'pretty' | 'json';

/** What was asked for; else text where a person reads standard output, and JSON where a program does. */
export const chooseLogFormat = (asked: LogFormat | null, isTerminal: boolean = isatty(1)): LogFormat =>
  asked ?? (isTerminal ? 'pretty' : 'json');
