import { vmWords } from './vm-settings.ts';

/** Cloud Scheduler's words that have no effect here, and what stands for them. */
const elsewhere: ReadonlyMap<string, string> = new Map([
  ['vmhypervisor', 'the offer decides'],
  ['vmsecuritygroup', 'the offer decides'],
  ['vmkeyname', 'the offer decides'],
  ['vmlocation', 'the offer decides'],
  ['vmimageid', 'VMAMI names the image'],
  ['vminstancetypeibm', 'VMInstanceType names the type'],
  ['vmtypelimit', 'the caps of the config do'],
  ['vmusecloudinit', 'the boot template of the pool decides'],
  ['vminjectca', 'the boot template of the pool decides'],
  ['vmslotforeachcore', 'VMJobPerCore says it'],
  ['vmproxynonboot', 'no machine is booted with a proxy of a job'],
  ['vmimageproxyfile', 'no image is fetched with a proxy of a job'],
  ['csmyproxyserver', 'HTCondor renews proxies by itself'],
  ['csmyproxyserverport', 'HTCondor renews proxies by itself'],
  ['csmyproxycredsname', 'HTCondor renews proxies by itself'],
  ['csmyproxyrenewaltime', 'HTCondor renews proxies by itself'],
]);

const known: ReadonlySet<string> = new Set(vmWords.map((word) => word.toLowerCase()));

/** The attributes of a job that look like Cloud Scheduler's words and do nothing: one sentence each. */
export function remarksOnNames(names: readonly string[], ignored: ReadonlySet<string>): readonly string[] {
  const quiet = new Set([...ignored].map((word) => word.toLowerCase()));
  const remarks = names.flatMap((name) => {
    const lower = name.toLowerCase();
    if (known.has(lower) || quiet.has(lower)) return [];
    const instead = elsewhere.get(lower);
    if (instead !== undefined) return [`${name} has no effect: ${instead}`];
    if (!lower.startsWith('vm')) return [];
    const meant = vmWords.find((word) => isNear(word.toLowerCase(), lower));
    return [
      `${name.slice(0, 80)} is not a word that is known${meant === undefined ? '' : `: is ${meant} meant?`}`,
    ];
  });
  if (remarks.length <= remarksMax) return remarks;
  return [...remarks.slice(0, remarksMax), `and ${remarks.length - remarksMax} more words like these`];
}

/** A job may have any number of attributes. */
const remarksMax = 10;

/** One begins with the other, or they differ by one letter. */
function isNear(word: string, name: string): boolean {
  if (word.length > 4 && (name.startsWith(word) || (name.length > 4 && word.startsWith(name)))) return true;
  let same = 0;
  while (same < Math.min(word.length, name.length) && word[same] === name[same]) same++;
  let tail = 0;
  const most = Math.min(word.length, name.length) - same;
  while (tail < most && word.at(-1 - tail) === name.at(-1 - tail)) tail++;
  return Math.max(word.length, name.length) - same - tail <= 1;
}
