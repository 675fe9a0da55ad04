import { deployVirtualMachine } from './deploy.ts';
import { refuse, refuseUnknown } from './refusal.ts';
import type { Params } from './verify.ts';
import { counted, isJobOver, isKnown, type Machine, stateOf, type World } from './world.ts';

type Answer = Readonly<Record<string, unknown>>;

interface Command {
  /** In lower case; others are refused, where CloudStack would pass them over in silence. */
  readonly params: readonly string[];
  readonly perform: (world: World, params: Params) => Answer;
}

const paging = ['page', 'pagesize'];
const scope = ['projectid', 'account', 'domainid', 'listall'];

/** What a user may call, as the server writes it; more than the stand-in has. */
const allowed = [
  'deployVirtualMachine',
  'destroyVirtualMachine',
  'listVirtualMachines',
  'listZones',
  'listServiceOfferings',
  'listTemplates',
  'listNetworks',
  'queryAsyncJobResult',
  'rebootVirtualMachine',
];

/** The commands that the stand-in has, by their names in lower case. */
export const commands: Readonly<Record<string, Command>> = {
  deployvirtualmachine: {
    params: [
      ...scope,
      'zoneid',
      'serviceofferingid',
      'templateid',
      'networkids',
      'diskofferingid',
      'size',
      'rootdisksize',
      'name',
      'displayname',
      'keypair',
      'group',
      'securitygroupnames',
      'affinitygroupnames',
      'userdata',
    ],
    perform: deployVirtualMachine,
  },
  createtags: { params: ['resourceids', 'resourcetype'], perform: createTags },
  destroyvirtualmachine: { params: ['id', 'expunge', 'volumeids'], perform: destroyVirtualMachine },
  queryasyncjobresult: { params: ['jobid'], perform: queryAsyncJobResult },
  listvirtualmachines: {
    params: [...scope, ...paging, 'id', 'name', 'keyword', 'details', 'zoneid', 'state'],
    perform: listVirtualMachines,
  },
  listvolumes: { params: [...scope, ...paging, 'virtualmachineid', 'type'], perform: listVolumes },
  listzones: {
    params: [...paging, 'name', 'available'],
    perform: (world, params) =>
      page(
        world,
        params,
        'zone',
        named(params, world.stock.zones).map(({ id, name }) => ({ id, name, allocationstate: 'Enabled' })),
      ),
  },
  listserviceofferings: {
    params: [...paging, 'name'],
    perform: (world, params) =>
      page(
        world,
        params,
        'serviceoffering',
        named(params, world.stock.serviceOfferings).map(({ id, name, size }) => ({
          id,
          name,
          iscustomized: size === null,
          ...(size === null ? {} : { cpunumber: size.cpus, memory: size.memoryMiB }),
        })),
      ),
  },
  listdiskofferings: {
    params: [...paging, 'name'],
    perform: (world, params) =>
      page(
        world,
        params,
        'diskoffering',
        named(params, world.stock.diskOfferings).map(({ id, name }) => ({ id, name })),
      ),
  },
  listtemplates: {
    params: [...paging, ...scope, 'name', 'templatefilter', 'zoneid'],
    perform(world, params) {
      if (!params.has('templatefilter')) refuse(431, 'missing parameter templatefilter');
      const rows = named(params, world.stock.templates).map(({ id, name, created, ready }) => ({
        id,
        name,
        created,
        isready: ready,
      }));
      return page(world, params, 'template', rows);
    },
  },
  listnetworks: {
    params: [...paging, ...scope, 'keyword', 'zoneid'],
    perform(world, params) {
      const rows = world.stock.networks.filter(({ name }) => name.includes(params.get('keyword') ?? ''));
      return page(world, params, 'network', rows);
    },
  },
  listcapabilities: {
    params: [],
    perform: ({ levers }) => ({
      capability: { cloudstackversion: '4.20.1.0', allowuserexpungerecovervm: levers.mayExpunge },
    }),
  },
  listapis: {
    params: ['name'],
    perform: ({ levers }) => {
      const api = allowed.filter((name) => !levers.deniedCommands.has(name)).map((name) => ({ name }));
      return { count: api.length, api };
    },
  },
  listaccounts: {
    params: [...paging, 'name', 'domainid'],
    perform: (world, params) => page(world, params, 'account', accountsSeen(world)),
  },
  listprojects: {
    params: [...paging, 'id'],
    perform: (world, params) =>
      page(world, params, 'project', [{ ...allowances(world), id: world.stock.project.id }]),
  },
};

function listVirtualMachines(world: World, params: Params): Answer {
  const id = params.get('id');
  if (id !== undefined) {
    const machine = world.machines.find((one) => one.id === id && isKnown(world, one));
    if (machine === undefined) refuseUnknown('listVirtualMachines', 'id', id);
  }
  const name = params.get('name') ?? params.get('keyword') ?? '';
  const rows = counted(world).filter(
    (machine) =>
      isKnown(world, machine) &&
      (id === undefined || machine.id === id) &&
      machine.name.includes(name) &&
      machine.project === (params.get('projectid') ?? null),
  );
  return page(world, params, 'virtualmachine', rows, (machine) => rowOf(world, machine));
}

function rowOf(world: World, machine: Machine): Answer {
  const job = machine.job === null ? undefined : world.jobs.get(machine.job);
  const isBusy = job !== undefined && !isJobOver(world, job);
  const shown = [...machine.details].filter(([key]) => !world.levers.deniedDetails.has(key));
  const state = stateOf(world, machine);
  const isAddressed = state === 'Running' || state === 'Starting';
  return {
    id: machine.id,
    name: machine.name,
    displayname: machine.name,
    state,
    created: '2026-11-22T00:00:00+0000',
    zoneid: machine.zone,
    details: { deployvm: 'true', ...Object.fromEntries(shown) },
    nic: [
      { id: 'nic-1', isdefault: false, ipaddress: '10.9.0.1' },
      { id: 'nic-0', isdefault: true, ...(isAddressed ? { ipaddress: addressOf(world, machine) } : {}) },
    ],
    tags: [...machine.tags].map(([key, value]) => ({ key, value, resourcetype: 'UserVm' })),
    ...(isBusy ? { jobid: job.id, jobstatus: 0 } : {}),
  };
}

function addressOf(world: World, machine: Machine): string {
  const at = world.machines.indexOf(machine) + 2;
  return `10.1.${Math.floor(at / 250)}.${(at % 250) + 1}`;
}

function destroyVirtualMachine(world: World, params: Params): Answer {
  const id = params.get('id') ?? '';
  const machine = world.machines.find((one) => one.id === id && isKnown(world, one));
  if (machine === undefined) return refuseUnknown('destroyVirtualMachine', 'id', id);
  const expunge = params.get('expunge') === 'true';
  const jobId = world.nextId();
  const doneAtMs = world.now() + world.levers.stopMs;
  const isOver = stateOf(world, machine) === 'Expunged';
  const fault = isOver
    ? { code: 431, text: `unable to find a virtual machine with id ${id}` }
    : expunge && !world.levers.mayExpunge
      ? {
          code: 531,
          text: 'Expunging a vm can only be done by an Admin. Or when the allow.user.expunge.recover.vm key is set.',
        }
      : null;
  if (fault === null) {
    machine.end = {
      atMs: Math.min(machine.end?.atMs ?? doneAtMs, doneAtMs),
      expunge: expunge || (machine.end?.expunge ?? false),
    };
    machine.job = jobId;
    const withIt = (params.get('volumeids') ?? '').split(',');
    for (const disk of world.disks.filter((one) => one.machine === id)) {
      if (disk.type === 'ROOT' || withIt.includes(disk.id)) disk.isGone = true;
    }
  }
  world.jobs.set(jobId, {
    id: jobId,
    command: 'destroyVirtualMachine',
    doneAtMs: fault === null ? doneAtMs : world.now(),
    fault,
    result: () => (expunge ? { null: {} } : { virtualmachine: rowOf(world, machine) }),
  });
  return { jobid: jobId };
}

function createTags(world: World, params: Params): Answer {
  if (params.get('resourcetype') !== 'UserVm') refuse(431, 'Unsupported resource type');
  const id = params.get('resourceids') ?? '';
  const machine =
    world.machines.find((one) => one.id === id) ?? refuseUnknown('createTags', 'resourceids', id);
  for (let n = 0; params.has(`tags[${n}].key`); n += 1) {
    const key = params.get(`tags[${n}].key`) ?? '';
    const value = params.get(`tags[${n}].value`) ?? '';
    if (key === '' || value === '') refuse(431, 'tags have a key and a value');
    machine.tags.set(key, value);
  }
  const jobId = world.nextId();
  const result = () => ({ success: true });
  world.jobs.set(jobId, { id: jobId, command: 'createTags', doneAtMs: world.now(), fault: null, result });
  return { jobid: jobId };
}

function queryAsyncJobResult(world: World, params: Params): Answer {
  const id = params.get('jobid') ?? '';
  const job = world.jobs.get(id) ?? refuseUnknown('queryAsyncJobResult', 'jobid', id);
  const base = { jobid: id, cmd: job.command, jobprocstatus: 0, created: '2026-11-22T00:00:00+0000' };
  if (!isJobOver(world, job)) return { ...base, jobstatus: 0, jobresultcode: 0 };
  if (job.fault === null) {
    return { ...base, jobstatus: 1, jobresultcode: 0, jobresulttype: 'object', jobresult: job.result() };
  }
  const jobresult = { errorcode: job.fault.code, errortext: job.fault.text };
  return { ...base, jobstatus: 2, jobresultcode: 530, jobresulttype: 'object', jobresult };
}

function listVolumes(world: World, params: Params): Answer {
  const machine = params.get('virtualmachineid');
  const rows = world.disks.filter(
    (disk) =>
      !disk.isGone &&
      (machine === undefined || disk.machine === machine) &&
      disk.type === (params.get('type') ?? disk.type),
  );
  return page(
    world,
    params,
    'volume',
    rows.map(({ id, type }) => ({ id, type })),
  );
}

/** Another's account first, where the key sees it. */
function accountsSeen(world: World): readonly Answer[] {
  const own = allowances(world);
  const other = { id: 'd6a5c3f0-7777-4aaa-8aaa-000000000002', name: 'other', vmavailable: '1' };
  switch (world.levers.accounts) {
    case 'own':
      return [own];
    case 'all':
      return [other, own];
    case 'withKeys':
      return [
        { ...other, user: [{ apikey: 'x' }] },
        { ...own, user: [{ apikey: world.stock.apiKey }] },
      ];
  }
}

/** What the account may have and has, limits that are none told by a word. */
function allowances(world: World): Answer & { readonly id: string } {
  const machines = counted(world);
  const cpus = machines.reduce((sum, machine) => sum + machine.cpus, 0);
  const memory = machines.reduce((sum, machine) => sum + machine.memoryMiB, 0);
  const left = (max: number | null, used: number) => (max === null ? 'Unlimited' : String(max - used));
  const { machinesMax, cpusMax } = world.levers;
  return {
    id: 'd6a5c3f0-7777-4aaa-8aaa-000000000001',
    name: 'farm',
    vmtotal: machines.length,
    vmavailable: left(machinesMax, machines.length),
    cputotal: cpus,
    cpuavailable: left(cpusMax, cpus),
    memorytotal: memory,
    memoryavailable: 'Unlimited',
  };
}

/** Filters of names find more than the name. */
function named<Row extends { readonly name: string }>(params: Params, rows: readonly Row[]): readonly Row[] {
  return rows.filter((row) => row.name.includes(params.get('name') ?? ''));
}

/** One page; where there are no rows at all the answer is empty, and where the page has none it has the count alone. */
function page<Row>(
  { levers }: World,
  params: Params,
  key: string,
  rows: readonly Row[],
  show: (row: Row) => unknown = (row) => row,
): Answer {
  const size = Number(params.get('pagesize') ?? levers.pageSizeMax);
  if (size > levers.pageSizeMax) {
    refuse(431, `Page size can't exceed max allowed page size value: ${levers.pageSizeMax}`);
  }
  const from = (Number(params.get('page') ?? 1) - 1) * size;
  const shown = rows.slice(from, from + size).map(show);
  if (rows.length === 0) return {};
  return shown.length === 0 ? { count: rows.length } : { count: rows.length, [key]: shown };
}
