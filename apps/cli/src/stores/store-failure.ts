import { addressOf } from '@semel/config';
import { CliError } from '../cli-error.js';
import { causeOf } from './cause-of.js';

export interface Store {
  title: 'PostgreSQL' | 'Redis';
  variable: 'DATABASE_URL' | 'REDIS_URL';
  url: string;
}

/** Says which store can't be used (address without the password), why, and what to do. */
export function storeFailure({ title, variable, url }: Store, error: unknown): CliError {
  const { code, text } = causeOf(error);
  const [what, advice] = explain();
  return new CliError('store_unavailable', `${title} at ${addressOf(url)} ${what}`, { advice, cause: error });

  function explain(): [what: string, advice: string] {
    if (/^28/.test(code))
      return [
        'refuses the login',
        'use the password that `semel migrate` set (CONSOLE_DATABASE_PASSWORD, or in DATABASE_URL), or run `semel migrate` to set this one',
      ];
    if (/WRONGPASS|NOAUTH|NOPERM/.test(text)) return ['refuses the login', `correct ${variable}`];
    if (code === '3D000') return ['has no such database', `create it, or correct ${variable}`];
    if (/^42/.test(code)) return ['is not at this version', 'run `semel migrate`'];
    const why = code || (text.startsWith("Can't reach") ? '' : text);
    return [
      `can't be reached${why === '' ? '' : ` (${why})`}`,
      `start it (\`npm start\` does), or correct ${variable}`,
    ];
  }
}
