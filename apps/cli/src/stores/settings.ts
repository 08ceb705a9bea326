import type { Settings } from '@semel/config';

type Needed<Name extends keyof Settings> = Settings & { readonly [Key in Name]: NonNullable<Settings[Key]> };

const variableOf = {
  databaseUrl: 'DATABASE_URL',
  redisUrl: 'REDIS_URL',
  encryptionKey: 'SEMEL_ENCRYPTION_KEY',
} as const;

/** The settings, if those that this command needs are there. Throws `ConfigError` with a line for each that is not. */
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
    // A command that does without Redis need not ask for its address.
    const asked = error.problems.filter((line) =>
      names.some((name) => line.startsWith(`${variableOf[name]} `)),
    );
    throw new ConfigError(asked);
  }
}
