/** The options of this process; `--help` prints the usage and exits with 0, an invalid option exits with 2. */
export function readCommandLine<Options extends { help: boolean }>(
  readOptions: (argv: readonly string[]) => Options,
  usage: string,
): Options {
  try {
    const read = readOptions(process.argv.slice(2));
    if (!read.help) return read;
    process.stdout.write(usage);
    process.exit(0);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(2);
  }
}
