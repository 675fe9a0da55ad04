/** Tasks that a task waits for, by names as the job's description has them. */
export type Dependencies = ReadonlyMap<string, readonly string[]>;

const noise = /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>/g;
const tag = /<(\/?)(?:[A-Za-z_][\w.-]*:)?(task|depends)\b((?:"[^"]*"|'[^']*'|[^>"'])*?)(\/?)>/g;

/**
 * Reads what a job's XML says of its tasks' order: `<task name="b"><depends><task ref="a"/></depends>`. Scripts in it are
 * not looked at. What is no such XML has no dependencies.
 */
export function dependenciesOf(xml: string): Dependencies {
  const found = new Map<string, string[]>();
  let current: string | null = null;
  for (const [, close, name, attributes = ''] of xml.replaceAll(noise, '').matchAll(tag)) {
    if (name !== 'task') continue;
    const ref = attribute(attributes, 'ref');
    if (close === '/') continue;
    if (ref !== null) {
      if (current !== null) found.get(current)?.push(ref);
      continue;
    }
    current = attribute(attributes, 'name');
    if (current !== null) found.set(current, []);
  }
  return new Map([...found].filter(([, needs]) => needs.length > 0));
}

function attribute(text: string, name: string): string | null {
  const [, double, single] = new RegExp(`(?:^|\\s)${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(text) ?? [];
  const value = double ?? single;
  return value === undefined
    ? null
    : value.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, word: string) => entities[word] ?? '');
}

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

/** A task that was made by a loop or a replication bears its number: `train#2*7` is of `train`. */
export function baseName(task: string): string {
  return task.replace(/(?:[#*]\d+)+$/, '');
}
