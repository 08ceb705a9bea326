import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { providers } from '@semel/providers';
import t from 'tap';
import { parse } from 'yaml';
import { openConsole } from '../support/console.js';
import { mainTypeOf, startHarness } from '../support/harness.js';
import { type Names, startNameServer } from '../support/name-server.js';
import { noOwnDns, noPrometheus, startPrometheus } from '../support/prometheus.js';
import { freePort, waitUntil } from '../support/servers.js';

// The monitoring with a real Prometheus: alert rules, discovery of replicas, and every dashboard query.

t.setTimeout(180_000);

const run = promisify(execFile);
const docker = fileURLToPath(new URL('../../docker/', import.meta.url));
const rules = join(docker, 'prometheus');
const read = (file: string) => readFileSync(join(docker, file), 'utf8');
const alerts: Rule[] = parse(read('prometheus/alerts.yml')).groups.flatMap(
  (group: { rules: Rule[] }) => group.rules,
);

interface Rule {
  alert: string;
  labels: { severity: string };
}

interface Series {
  metric: Record<string, string>;
  value: [number, string];
}

t.test('every alert fires and resolves', { skip: noPrometheus }, async (t) => {
  await t.resolves(run('promtool', ['test', 'rules', join(rules, 'alerts.test.yml')]));
  const { tests } = parse(read('prometheus/alerts.test.yml')) as {
    tests: { promql_expr_test: { exp_samples: { labels: string }[] }[] }[];
  };
  for (const { alert } of alerts)
    t.ok(
      tests.some(({ promql_expr_test: asked }) => {
        const fires = asked
          .slice(0, -1)
          .some(({ exp_samples: samples }) => samples.some(({ labels }) => labels.includes(`"${alert}"`)));
        return fires && asked.at(-1)?.exp_samples.length === 0;
      }),
      alert,
    );
});

t.test('every alert says what to do', async (t) => {
  const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  for (const { alert, labels } of alerts) {
    t.ok(['page', 'ticket'].includes(labels.severity), `${alert} has a severity`);
    t.match(page, `\`${alert}\``, alert);
  }
});

t.test(
  'Prometheus scrapes every replica, and no dashboard panel is empty',
  { skip: noPrometheus },
  async (t) => {
    const harness = await startHarness(t, { receivers: 0, workers: 0 });
    const ports = { receiver: await freePort(), worker: await freePort(), console: await freePort() };
    const hosts = noOwnDns ? ['127.0.0.1'] : ['127.0.0.1', '127.0.0.2'];
    for (const host of hosts) {
      await harness.startReceiver({}, { host, port: ports.receiver });
      await harness.startWorker({}, { host, port: ports.worker });
    }
    const consoleApp = await openConsole(t, harness);
    await consoleApp.listen({ host: '127.0.0.1', port: ports.console });

    const names: Names = new Map([
      ['receiver', hosts],
      ['worker', hosts],
      ['console', ['127.0.0.1']],
    ]);
    const dns = '127.0.53.53';
    if (!noOwnDns) await startNameServer(t, names, { host: dns, port: 53 });
    const config = read('prometheus/prometheus.yml')
      .replaceAll(/(_interval): 1\ds/g, '$1: 1s')
      .replace('port: 8080', `port: ${ports.receiver}`)
      .replace('port: 8081', `port: ${ports.worker}`)
      .replace('port: 8082', `port: ${ports.console}`)
      .replaceAll(/dns_sd_configs: \[\{ names: \[\w+\], type: A, port: (\d+).*$/gm, (found, port: string) =>
        noOwnDns ? `static_configs: [{ targets: ["127.0.0.1:${port}"] }]` : found,
      );
    const prometheus = await startPrometheus(t, { config, rules, nameServer: noOwnDns ? null : dns });
    const query = async (expr: string) =>
      (await prometheus.get<{ result: Series[] }>('/api/v1/query', { query: expr })).result;
    const up = async () => {
      const found = await query('count by (job) (up == 1)');
      return Object.fromEntries(found.map(({ metric, value }) => [metric.job, Number(value[1])]));
    };

    const each = hosts.length;
    await waitUntil(
      async () => {
        const { receiver, worker, console } = await up();
        return receiver === each && worker === each && console === 1;
      },
      { what: 'each app answers', timeoutMs: 60_000 },
    );

    await t.test('Prometheus follows added and removed replicas', { skip: noOwnDns }, async () => {
      names.set('worker', ['127.0.0.1']);
      await waitUntil(async () => (await up()).worker === 1, { what: 'one worker is left' });
      names.set('worker', hosts);
      await waitUntil(async () => (await up()).worker === each, { what: 'the other one is back' });
    });

    const firm = await harness.addFirm();
    for (const provider of providers) {
      const endpoint = await harness.addEndpoint(provider.name, firm);
      const { type } = mainTypeOf(provider);
      await waitUntil(async () => (await harness.send(endpoint, type)).status === 200, {
        what: `the endpoint for ${provider.name} is known`,
      });
    }
    await waitUntil(
      async () => {
        const [found] = await query('sum(webhook_applied_total)');
        return Number(found?.value[1]) >= providers.length;
      },
      { what: 'what was applied is seen' },
    );

    const dashboard = JSON.parse(read('grafana/dashboards/semel.json')) as { panels: Panel[] };
    const panels = dashboard.panels.filter(({ type }) => type !== 'row');
    for (const { title, type, targets } of panels)
      for (const { expr, legendFormat = '' } of targets) {
        const found = await waitUntil(
          async () => {
            const found = await query(expr);
            return found.length > 0 ? found : null;
          },
          { what: `there is a series for "${title}": ${expr}`, timeoutMs: 15_000 },
        );
        for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
          t.ok(
            found.every(({ metric }) => metric[label as string]),
            `${title}: each series has a ${label}`,
          );
        if (type === 'stat') t.ok(Number.isFinite(Number(found[0]?.value[1])), `${title} is a number`);
      }
    t.same(
      dashboard.panels.filter(({ type }) => type === 'row').map(({ title }) => title),
      ['Is it taking events?', 'Is it applying them?', 'What is stuck?', 'Who is affected?'],
    );

    const { groups } = await prometheus.get<{
      groups: { rules: { name: string; query: string; health: string; lastError?: string }[] }[];
    }>('/api/v1/rules');
    const loaded = groups.flatMap(({ rules }) => rules);
    t.same(loaded.map(({ name }) => name).sort(), alerts.map(({ alert }) => alert).sort());
    for (const { name, health, lastError, query: expr } of loaded)
      if (health === 'unknown')
        t.same(await query(expr), [], `${name}: not yet its turn, and nothing to tell`);
      else t.equal(health, 'ok', `${name} ${lastError ?? ''}`);
    const firing = await query('ALERTS{alertstate="firing"}');
    t.same(
      firing.map(({ metric }) => metric.alertname),
      [],
      'nothing fires while all is well',
    );
  },
);

interface Panel {
  title: string;
  type: string;
  targets: { expr: string; legendFormat?: string }[];
}
