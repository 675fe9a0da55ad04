import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { formatSize } from '../../config/units.ts';
import { mayWrite, nearestFolder } from '../../host/files.ts';
import { folderFinding } from '../../host/folderFinding.ts';
import type { Check, CheckFinding } from '../../model/check.ts';
import { checkEach, orWell } from '../../model/checkFindings.ts';
import type { CheckedOffer, CloudCheckRequest } from '../port.ts';
import type { LocalOffer, LocalSettings } from './settings.ts';
import { refuseMissing } from './start.ts';

/** Looks at this host, as the user who asks: the daemon may be another. */
export function localChecks(
  settings: LocalSettings,
  { offers, machinesMax }: CloudCheckRequest,
): readonly Check[] {
  return [
    { subject: 'login', run: async () => [await folderFinding(settings.folder)] },
    { subject: 'settings', run: async () => cgroupFindings(settings, offers) },
    { subject: 'images', run: async () => programs(offers) },
    { subject: 'flavors', run: async () => sizes(offers) },
    { subject: 'storage', run: async () => disk(settings.folder, offers, machinesMax) },
  ];
}

const settingsOf = (offer: CheckedOffer) => offer.settings as LocalOffer;

/** The controllers that an offer's limits need. */
function controllersOf({ limits }: LocalOffer): readonly string[] {
  return [
    limits.memory === undefined ? [] : 'memory',
    limits.cpus === undefined ? [] : 'cpu',
    limits.processes === undefined ? [] : 'pids',
  ].flat();
}

async function cgroupFindings(
  { cgroup }: LocalSettings,
  offers: readonly CheckedOffer[],
): Promise<readonly CheckFinding[]> {
  const limited = offers.filter((offer) => controllersOf(settingsOf(offer)).length > 0);
  if (cgroup === undefined) {
    if (limited.length === 0) return [];
    const message = 'limits of a machine as a whole need the `cgroup` of its cloud, and hold for nothing';
    return [{ verdict: 'error', message, offers: limited.map(({ name }) => name) }];
  }
  const delegated = await readFile(join(cgroup, 'cgroup.subtree_control'), 'utf8').catch(() => null);
  if (delegated === null) return [{ verdict: 'error', message: `${cgroup} is no cgroup (v2) folder` }];
  if (!(await mayWrite(cgroup))) {
    return [{ verdict: 'error', message: `the cgroup ${cgroup} is not delegated to who asks` }];
  }
  const given = new Set(delegated.trim().split(/\s+/));
  const found = await checkEach(
    limited,
    (offer) => controllersOf(settingsOf(offer)).filter((name) => !given.has(name)),
    async (lacking) =>
      lacking.length === 0
        ? null
        : {
            verdict: 'error',
            message: `the cgroup does not delegate ${lacking.join(', ')} (cgroup.subtree_control)`,
          },
  );
  return orWell(found, `the cgroup delegates ${[...given].join(', ')}`);
}

async function programs(offers: readonly CheckedOffer[]): Promise<readonly CheckFinding[]> {
  const found = await checkEach(
    offers,
    (offer) => settingsOf(offer).command?.[0] ?? null,
    async (program) => {
      await refuseMissing(program);
      return null;
    },
  );
  return orWell(found, 'the programs of all offers are there');
}

function sizes(offers: readonly CheckedOffer[]): readonly CheckFinding[] {
  const cpus = availableParallelism();
  const memoryMiB = Math.floor(totalmem() / 1024 ** 2);
  const large = offers.filter(({ resources }) => resources.cpus > cpus || resources.memoryMiB > memoryMiB);
  const has = `this host has ${cpus} CPUs and ${formatSize(memoryMiB)} of memory`;
  const figures = { cpus, memoryMiB };
  if (large.length === 0) return [{ verdict: 'ok', message: has, figures }];
  const message = `${has}: less than one machine is said to have`;
  return [{ verdict: 'warning', message, figures, offers: large.map(({ name }) => name) }];
}

async function disk(
  folder: string,
  offers: readonly CheckedOffer[],
  machinesMax: number,
): Promise<readonly CheckFinding[]> {
  const { bavail, bsize } = await statfs(await nearestFolder(folder));
  const freeMiB = Math.floor((bavail * bsize) / 1024 ** 2);
  const smallest = Math.min(...offers.map(({ resources }) => resources.diskMiB));
  const figures = { freeMiB };
  const free = `${formatSize(freeMiB)} are free where the machines are`;
  if (offers.length === 0 || smallest * machinesMax <= freeMiB)
    return [{ verdict: 'ok', message: free, figures }];
  const message = `${free}: too little for the ${machinesMax} machines that the config would have`;
  return [{ verdict: 'warning', message, figures }];
}
