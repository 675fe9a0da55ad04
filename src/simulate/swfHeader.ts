/** `; Label: text` */
export interface SwfHeaderLine {
  readonly label: string;
  readonly text: string;
}

/** Null: a comment without a label. */
export function parseSwfHeader(line: string): SwfHeaderLine | null {
  const [, label, text] = /^;+\s*([A-Za-z][\w-]*):\s*(.*)$/.exec(line.trim()) ?? [];
  return label === undefined || text === undefined ? null : { label, text: text.trim() };
}

const kinds = { user: 'User', group: 'Group', queue: 'Queue' } as const;
type NamedKind = keyof typeof kinds;

/**
 * Users, groups and queues are numbers in the format; the names of queues stand in the header (`; Queue: 1 batch`).
 * Ours says the names of users and groups in the same way.
 */
export function userNames(
  header: readonly SwfHeaderLine[],
): Readonly<Record<NamedKind, ReadonlyMap<number, string>>> {
  const names = (wanted: string) =>
    new Map(
      header.flatMap(({ label, text }) => {
        const [, number, name] = /^(\d+)\s+(\S.*)$/.exec(text) ?? [];
        return label === wanted && number !== undefined && name !== undefined
          ? [[Number(number), name] as const]
          : [];
      }),
    );
  return { user: names(kinds.user), group: names(kinds.group), queue: names(kinds.queue) };
}
