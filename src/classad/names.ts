/** Names that stand for an ad, or for something of the match, where no attribute of that name comes first. */
export const scopeNames: ReadonlySet<string> = new Set([
  'self',
  'parent',
  'root',
  'toplevel',
  'my',
  'target',
  'other',
  'ad',
  'left',
  'right',
  'symmetricmatch',
  'leftmatchesright',
  'rightmatchesleft',
  'leftrankvalue',
  'rightrankvalue',
]);

/** Functions whose value is not that of their arguments alone: chance, texts, and expressions as such. */
export const unsteadyFunctions: ReadonlySet<string> = new Set([
  'random',
  'eval',
  'unparse',
  'unresolved',
  'evalineachcontext',
  'countmatches',
]);
