/** `; Label: text` */
export interface SwfHeaderLine {
  readonly label: string;
  readonly text: string;
}

/** Null: a comment without a label. */
export function parseSwfHeader(line: string): SwfHeaderLine | null {
  const [, label, text] = /^;+\s*([A-Za-z][\w-]*):(?:\s+(.*))?$/.exec(line.trim()) ?? [];
  return label === undefined ? null : { label, text: text?.trim() ?? '' };
}

const kinds = { user: 'User', group: 'Group', queue: 'Queue' } as const;
type NamedKind = keyof typeof kinds;
export type TraceNames = Readonly<Record<NamedKind, ReadonlyMap<number, string>>>;

/**
 * Users, groups and queues are numbers in the format; names of queues may stand in the header (`; Queue: 1 batch`). The
 * traces that we write name users and groups in the same way, each name as a JSON string.
 */
export function traceNames(header: readonly SwfHeaderLine[]): TraceNames {
  const names = (wanted: string) =>
    new Map(header.flatMap(({ label, text }) => (label === wanted ? parseName(text) : [])));
  return { user: names(kinds.user), group: names(kinds.group), queue: names(kinds.queue) };
}

function parseName(text: string): readonly (readonly [number, string])[] {
  const [, number, name] = /^(\d+)\s+(\S.*)$/.exec(text) ?? [];
  return number === undefined || name === undefined ? [] : [[Number(number), unquote(name)]];
}

/** What is no JSON string is the name as it stands. */
function unquote(name: string): string {
  if (!name.startsWith('"')) return name;
  try {
    return String(JSON.parse(name));
  } catch {
    return name;
  }
}
