import { fileURLToPath } from 'node:url';
import { type Declaration, declared, labelSets } from '../../src/metrics/declared.ts';

export const metricsPage = fileURLToPath(new URL('../../docs/metrics.md', import.meta.url));

const all: readonly Declaration[] = Object.values(declared);

/** Sections of the page, and what the names of their metrics begin with; the last takes the rest. */
const sections: readonly (readonly [title: string, prefixes: readonly string[]])[] = [
  ['Queues and demand', ['spillway_queue_', 'spillway_job', 'spillway_demand_', 'spillway_workers']],
  ['Clouds and offers', ['spillway_cloud_', 'spillway_launches_', 'spillway_offer_']],
  [
    'Money',
    [
      'spillway_money_',
      'spillway_budget',
      'spillway_instances_unpriced',
      'spillway_would_be_cost',
      'spillway_would_be_rate',
    ],
  ],
  [
    'Machines',
    ['spillway_instance', 'spillway_pool_', 'spillway_leases', 'spillway_downtimes', 'spillway_would_be_'],
  ],
  ['The API', ['spillway_api_']],
  ['The daemon', ['']],
];

/** docs/metrics.md, from the declarations. */
export function metricsText(): string {
  let left = all;
  const parts = sections.map(([title, prefixes]) => {
    const isOurs = ({ name }: Declaration) => prefixes.some((prefix) => name.startsWith(prefix));
    const own = left.filter(isOurs);
    left = left.filter((one) => !isOurs(one));
    return `## ${title}\n\n${table(own)}\n`;
  });
  return `${head}\n${parts.join('\n')}\n${tail}`;
}

const head = `# Metrics

\`GET /metrics\` of [the API](api.md) answers in Prometheus's text form, on the unix socket and over the network; there it takes a token of all
pools, whose role may be \`read\`. Nothing is counted but what is here: this page is written by \`npm run metrics\` from the declarations
(\`src/metrics/declared.ts\`), and a test compares the two.

\`\`\`yaml
# prometheus.yml
scrape_configs:
  - job_name: spillway
    scheme: https
    authorization: { credentials_file: /etc/prometheus/spillway.token }
    tls_config: { ca_file: /etc/prometheus/spillway-ca.pem }
    static_configs: [{ targets: ['head.example.org:8443'] }]
\`\`\`

\`config/prometheus/spillway.rules.yml\` has alerts, \`config/grafana/spillway.json\` a dashboard; [troubleshooting](troubleshooting.md) says what to do about each
alert. Gauges are worked out when they are asked for: a scrape every 15 s or more seldom is enough. Counters and histograms begin at 0 when the daemon
starts, and go on over a reload. A histogram has the series \`…_bucket\`, \`…_sum\` and \`…_count\`.
`;

function table(rows: readonly Declaration[]): string {
  const lines = rows.map(({ name, kind, labels, help }) => {
    const words = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${kind} | ${words} | ${help} |`;
  });
  return ['| name | kind | labels | |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

const tail = `## Labels

Each comes from a closed set, so that the number of series is bounded by the configuration and not by what the site does. Users, jobs and machines are in no
label: the [journal](cli.md#spillway-journal) and the [accounts](accounting.md) have them.

| label | values |
| --- | --- |
${Object.entries(labelSets)
  .map(([label, values]) => `| \`${label}\` | ${values} |`)
  .join('\n')}
`;
