// `npm run screenshots`: makes the pictures in docs/images, from a temporary Semel that has processed some events.
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { checkNode, ensureRedis, generate, installMissing, root, runScript, say } from './bootstrap.mjs';
import { openBrowser } from './screenshots/browser.mjs';
import { ownSemel } from './screenshots/own-semel.mjs';
import { terminalPage } from './screenshots/terminal-page.mjs';

const folder = join(root, 'docs', 'images');
const largestBytes = 400_000;
const ends = [];
let ending;

/** Stops what was started, in reverse order, once. */
const endAll = () => {
  ending ??= (async () => {
    for (const end of ends.reverse()) await end();
  })();
  return ending;
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => void endAll().finally(() => process.exit(130)));

await runScript(async () => {
  checkNode();
  installMissing();
  ensureRedis();
  generate();
  try {
    await takePictures();
  } catch (error) {
    if (ending === undefined) throw error; // otherwise the stop caused it
  } finally {
    await endAll();
  }
});

async function takePictures() {
  const browser = await openBrowser();
  ends.push(browser.close);
  say('Starting Semel …');
  const own = await ownSemel({
    SEMEL_HANDLERS: join(root, 'scripts/screenshots/refusing-handler.mjs'),
    STRIPE_ATTEMPTS: '3',
    STRIPE_RETRY_SCALE: '0.001',
  });
  ends.push(own.stop);
  await own.isUp();
  say('Sending events …');
  const events = await sendEvents(own);
  await takeTerminal(browser, own, events);
  await takeConsole(browser, own, events);
}

async function takeTerminal(browser, { semel }, events) {
  const page = await browser.newPage();
  const take = async (name, command, options) => {
    await page.setContent(terminalPage(command, await semel(command.slice('semel '.length), options)));
    await save(name, page.locator('main'));
  };
  await take('events-show', `semel events show stripe ${events.paid}`);
  await take('status', 'semel status', { code: 1 });
}

async function takeConsole(browser, { consoleUrl, consolePassword }, events) {
  const page = await browser.newPage({ width: 1600, height: 640 }); // wide enough for the counts of every state
  await page.goto(`${consoleUrl}/login`);
  await page.fill('#username', 'admin');
  await page.fill('#password', consolePassword);
  await page.click('button');
  await page.waitForURL(`${consoleUrl}/`);
  await page.goto(`${consoleUrl}/queues`);
  await page.getByText('37 Jobs').waitFor();
  await page.waitForLoadState('networkidle');
  await save('console-queues', page);
  await page.goto(`${consoleUrl}/queues/queue/stripe/${events.dead}`);
  await page.getByText('Data', { exact: true }).click();
  await page.getByText('jobData').waitFor();
  await save('console-job', page);
}

/** Writes a screenshot of a page, or of an element. */
async function save(name, shown) {
  const png = await shown.screenshot({ animations: 'disabled', caret: 'hide' });
  const path = join(folder, `${name}.png`);
  if (png.length > largestBytes) throw new Error(`${path} would have ${png.length} bytes`);
  writeFileSync(path, png);
  say(`${relative(root, path)}  ${Math.ceil(png.length / 1000)} kB`);
}

/** The events of the README, two that fail until they are dead, two of another firm's account, and some that wait. */
async function sendEvents({ semel }) {
  const send = async (what) => JSON.parse(await semel(`send ${what} --json`)).events[0]?.eventId;
  const paid = await send('stripe invoice.paid --duplicates 3');
  await send('stripe --story payment-refunded --duplicates 1');
  await send('twilio status:delivered --count 25');
  await send('docusign --story envelope-signed --shuffle --seed 7 --duplicates 2');
  await send('square --story invoice-paid');
  await send('standard --story contact');
  const dead = await send('stripe charge.dispute.created --count 2');
  await semel('firm add --slug acme --name Acme');
  await semel('account map --provider stripe --account acct_1Acme --firm acme');
  await send('stripe invoice.paid --account acct_1Acme --count 2');
  await untilSettled(semel);
  await semel('queue pause twilio');
  await send('twilio status:delivered --count 12');
  return { paid, dead };
}

async function untilSettled(semel) {
  for (;;) {
    const { queues } = JSON.parse((await semel('status --json', { code: 1 })).split('\n')[0]);
    if (queues.every(({ waiting, active, delayed }) => waiting + active + delayed === 0)) return;
    await sleep(500);
  }
}
