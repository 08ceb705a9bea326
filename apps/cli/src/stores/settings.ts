import type { Settings } from '@semel/config';

type Needed<Name extends keyof Settings> = Settings & { readonly [Key in Name]: NonNullable<Settings[Key]> };

const variableOf = {
  databaseUrl: 'DATABASE_URL',
  redisUrl: 'REDIS_URL',
  encryptionKey: 'SEMEL_ENCRYPTION_KEY',
} as const;

/** The settings. Throws `ConfigError` with a line for each of the named ones that is unset. */
export async function loadNeeded<Name extends keyof typeof variableOf>(
  names: readonly Name[],
): Promise<Needed<Name>> {
  const { ConfigError, loadConfig, loadSettings } = await import('@semel/config');
  const settings = loadSettings();
  if (names.every((name) => settings[name] !== null)) return settings as Needed<Name>;
  try {
    return loadConfig();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    // A command that does not use Redis must not complain about its address.
    const missing = error.problems.filter((line) =>
      names.some((name) => line.startsWith(`${variableOf[name]} `)),
    );
    throw new ConfigError(missing);
  }
}
