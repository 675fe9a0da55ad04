import { refuse, refuseUnknown } from './refusal.ts';
import type { Params } from './verify.ts';
import { counted, isLiving, type Machine, stateOf, type World } from './world.ts';

const command = 'deployVirtualMachine';

/** deployVirtualMachine: the machine is there when it is answered; a job starts it. */
export function deployVirtualMachine(world: World, params: Params): Readonly<Record<string, unknown>> {
  const { stock } = world;
  const zone = known(stock.zones, params, 'zoneid');
  const offering = known(stock.serviceOfferings, params, 'serviceofferingid');
  const template = known(stock.templates, params, 'templateid');
  const name = params.get('name') ?? `VM-${world.nextId()}`;
  if (!/^(?![0-9-])[A-Za-z0-9-]{1,63}(?<!-)$/.test(name)) {
    refuse(
      431,
      `Invalid name. Vm name can contain ASCII letters, digits and the hyphen, and can't start with a digit`,
    );
  }
  for (const network of listOf(params, 'networkids')) {
    if (!stock.networks.some(({ id }) => id === network)) refuseUnknown(command, 'networkids', network);
  }
  const key = params.get('keypair');
  if (key !== undefined && !stock.keyPairs.includes(key)) {
    refuse(431, `A key pair with name '${key}' does not exist for account admin in specified domain id`);
  }
  const details = detailsOf(params);
  const size = sizeOf(offering.size, details);
  const userData = userDataOf(world, params);
  if (counted(world).some((machine) => machine.name === name)) {
    refuse(
      431,
      `The vm with hostName ${name} already exists in the network domain: cs2cloud.internal; network=farm`,
    );
  }
  refuseBeyondLimits(world, size);
  const living = world.machines.filter((machine) => isLiving(world, machine)).length;
  if (living >= world.levers.room) {
    refuse(533, 'Insufficient address capacity. Unable to allocate a Guest Ip address in the network');
  }
  // The database keeps three bytes of a character at most.
  if ([...details.values()].some((value) => /[\u{10000}-\u{10ffff}]/u.test(value))) {
    refuse(530, 'Incorrect string value for column value');
  }
  const jobId = world.nextId();
  const machine: Machine = {
    id: world.nextId(),
    name,
    group: params.get('group') ?? null,
    zone: zone.id,
    serviceOffering: offering.id,
    template: template.id,
    project: params.get('projectid') ?? null,
    ...size,
    details,
    tags: new Map(),
    userData,
    createdAtMs: world.now(),
    startFault:
      living >= world.levers.hostRoom
        ? {
            code: 533,
            text: 'Unable to create a deployment for VM instance {"name":"x"}: Insufficient capacity',
          }
        : null,
    bootMs: world.levers.bootMs,
    isOff: false,
    end: null,
    job: jobId,
  };
  world.machines.push(machine);
  if (machine.group !== null) world.groups.add(machine.group);
  addDisks(world, machine, params);
  world.jobs.set(jobId, {
    id: jobId,
    command,
    doneAtMs: world.now() + machine.bootMs,
    fault: machine.startFault,
    result: () => ({ virtualmachine: { id: machine.id, name, state: stateOf(world, machine) } }),
  });
  return { id: machine.id, jobid: jobId };
}

function known<Row extends { readonly id: string }>(
  rows: readonly Row[],
  params: Params,
  parameter: string,
): Row {
  const id = params.get(parameter);
  if (id === undefined || id === '') {
    return refuse(
      431,
      `Unable to execute API command ${command.toLowerCase()} due to missing parameter ${parameter}`,
    );
  }
  return rows.find((row) => row.id === id) ?? refuseUnknown(command, parameter, id);
}

function listOf(params: Params, name: string): readonly string[] {
  const text = params.get(name) ?? '';
  return text === '' ? [] : text.split(',');
}

function detailsOf(params: Params): ReadonlyMap<string, string> {
  const details = new Map<string, string>();
  for (const [name, value] of params) {
    if (!/^details\b/i.test(name)) continue;
    const key = /^details\[\d+\]\.(.+)$/.exec(name)?.[1];
    if (key === undefined) refuse(431, `Unable to decode parameter: ${name}`);
    if (key === 'extraconfig') refuse(431, "'extraconfig' should not be included in details as key");
    if (key.length > 255 || value.length > 255) refuse(530, 'Data too long for column');
    details.set(key, value);
  }
  return details;
}

function sizeOf(size: { readonly cpus: number; readonly memoryMiB: number } | null, details: Params) {
  const cpus = details.get('cpuNumber');
  const memory = details.get('memory');
  if (size !== null) {
    if (cpus !== undefined || memory !== undefined) {
      refuse(431, 'cpuNumber or memory cannot be given for an offering of fixed size');
    }
    return size;
  }
  if (cpus === undefined || memory === undefined) {
    return refuse(
      431,
      'Need to specify custom parameter values cpu, cpu speed and memory when using custom offering',
    );
  }
  return { cpus: Number(cpus), memoryMiB: Number(memory) };
}

function userDataOf({ levers }: World, params: Params): Buffer | null {
  const text = params.get('userdata');
  if (text === undefined) return null;
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text)) {
    refuse(431, 'User data is not base64 encoded');
  }
  if (text.length > levers.userDataCharsMax) refuse(431, 'User data is too long for an http POST request');
  return Buffer.from(text, 'base64');
}

function refuseBeyondLimits(world: World, size: { readonly cpus: number }): void {
  const { machinesMax, cpusMax } = world.levers;
  const machines = counted(world);
  const exceeded = (type: string) =>
    refuse(
      535,
      `Maximum amount of resources of Type = '${type}' for Account Name = 'farm' in Domain Id = '1' is exceeded`,
    );
  if (machinesMax !== null && machines.length >= machinesMax) exceeded('user_vm');
  const cpus = machines.reduce((sum, machine) => sum + machine.cpus, size.cpus);
  if (cpusMax !== null && cpus > cpusMax) exceeded('cpu');
}

function addDisks(world: World, machine: Machine, params: Params): void {
  const rootGiB = Number(params.get('rootdisksize') ?? 10);
  world.disks.push({
    id: world.nextId(),
    type: 'ROOT',
    machine: machine.id,
    sizeGiB: rootGiB,
    isGone: false,
  });
  const offering = params.get('diskofferingid');
  if (offering === undefined) return;
  const found =
    world.stock.diskOfferings.find(({ id }) => id === offering) ??
    refuseUnknown(command, 'diskofferingid', offering);
  const size = params.get('size');
  if (found.custom !== (size !== undefined))
    refuse(431, 'This disk offering and a custom size do not go together');
  world.disks.push({
    id: world.nextId(),
    type: 'DATADISK',
    machine: machine.id,
    sizeGiB: Number(size ?? 100),
    isGone: false,
  });
}
