import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { aptInstall, BootstrapError } from '../bootstrap.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome'];

/** The Chromium of this machine; if there is none, apt installs it. */
export async function openBrowser() {
  const { chromium } = await import('playwright-core');
  const browser = await chromium.launch({
    executablePath: findChromium(),
    args: ['--headless', ...(process.getuid?.() === 0 ? ['--no-sandbox'] : [])],
    // On a signal, playwright would end the process before the script has stopped its servers.
    handleSIGINT: false,
    handleSIGTERM: false,
    handleSIGHUP: false,
  });
  return {
    /** A page whose screenshots are 1200 pixels wide, whatever its width. */
    newPage: ({ width = 1200, height = 800 } = {}) =>
      browser.newPage({
        viewport: { width, height },
        deviceScaleFactor: 1200 / width,
        colorScheme: 'light',
        reducedMotion: 'reduce',
        locale: 'en-GB',
        timezoneId: 'UTC',
      }),
    close: () => browser.close(),
  };
}

function findChromium() {
  const chosen = process.env.SEMEL_CHROMIUM;
  if (chosen) {
    if (existsSync(chosen)) return chosen;
    throw new BootstrapError(`SEMEL_CHROMIUM is ${chosen}, and there is no such file`);
  }
  const found = onPath() ?? (aptInstall('chromium') ? onPath() : undefined);
  if (found !== undefined) return found;
  throw new BootstrapError(
    `no Chromium on PATH (${names.join(', ')}): install one (Debian: sudo apt-get install chromium), or set SEMEL_CHROMIUM to its file`,
  );
}

const onPath = () =>
  names
    .flatMap((name) => (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, name)))
    .find((file) => existsSync(file));
