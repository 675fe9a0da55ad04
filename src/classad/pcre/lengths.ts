import type { GroupReference, RegexNode } from './node.ts';

/** What can be told of a pattern's lengths and parts without matching it. */

export function branchesOf(body: RegexNode): readonly RegexNode[] {
  return body.kind === 'choice' ? body.items : [body];
}

export function partsOf(node: RegexNode): readonly RegexNode[] {
  switch (node.kind) {
    case 'sequence':
    case 'choice':
      return node.items;
    case 'group':
    case 'repeat':
    case 'look':
    case 'atomic':
      return [node.body];
    case 'condition':
      return typeof node.test === 'object' && node.test !== null
        ? [node.test, node.whenTrue, node.whenFalse]
        : [node.whenTrue, node.whenFalse];
    default:
      return [];
  }
}

/** How many bytes a node always takes; null: not always the same. Counted as PCRE2 does where it is odd. */
export function fixedLength(
  node: RegexNode,
  groupOf: (reference: GroupReference) => RegexNode | null,
  branchReset: boolean,
): number | null {
  const pending = new Set<RegexNode>();
  const lengthOf = (part: RegexNode): number | null => {
    switch (part.kind) {
      case 'set':
        return 1;
      case 'sequence':
        return part.items.reduce<number | null>((sum, item) => {
          const length = sum === null ? null : lengthOf(item);
          return sum === null || length === null ? null : sum + length;
        }, 0);
      case 'choice': {
        const [first, ...rest] = part.items.map(lengthOf);
        return first !== undefined && rest.every((length) => length === first) ? first : null;
      }
      case 'group':
      case 'atomic':
        return lengthOf(part.body);
      case 'repeat': {
        if (part.body.kind === 'look' && !part.body.behind) return 0;
        const length = part.least === part.most ? lengthOf(part.body) : null;
        return length === null ? null : length * part.least;
      }
      case 'condition': {
        const length = lengthOf(part.whenTrue);
        return part.whenFalse.kind === 'empty' || length === lengthOf(part.whenFalse) ? length : null;
      }
      case 'backreference':
        return branchReset ? null : ofGroup(part, part.groups);
      case 'call':
        return ofGroup(part, part.group);
      default:
        // Empty, an assertion or `\\K`.
        return 0;
    }
  };
  const ofGroup = (part: RegexNode, reference: GroupReference): number | null => {
    const group = groupOf(reference);
    if (group === null || pending.has(group) || contains(group, part)) return null;
    pending.add(group);
    const length = lengthOf(group);
    pending.delete(group);
    return length;
  };
  return lengthOf(node);
}

function contains(node: RegexNode, wanted: RegexNode): boolean {
  return node === wanted || partsOf(node).some((part) => contains(part, wanted));
}

/** Single bytes that stand in the pattern once at least, whatever it matches. Saves hopeless searches. */
export function requiredBytes(node: RegexNode): readonly number[] {
  switch (node.kind) {
    case 'set': {
      const byte = node.set.indexOf(1);
      return byte >= 0 && node.set.indexOf(1, byte + 1) < 0 ? [byte] : [];
    }
    case 'sequence':
      return [...new Set(node.items.flatMap(requiredBytes))];
    case 'group':
    case 'atomic':
      return requiredBytes(node.body);
    case 'repeat':
      return node.least > 0 ? requiredBytes(node.body) : [];
    default:
      return [];
  }
}
