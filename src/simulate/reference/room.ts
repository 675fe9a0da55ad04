/**
 * Machines of one size and what is free on them. A job of up to a machine's cores goes on one machine: on the fullest that
 * has room for it, else on an empty one. A bigger job takes whole machines, and one more for what is left over, by the
 * same rule. With one core a machine this is counting.
 */
export interface Room {
  /** Machines with nothing on them. */
  readonly empty: number;
  /** Machines with something on them. */
  readonly inUse: number;
  /** Null: there is no room for it. */
  take(processors: number): Placement | null;
  /** Takes, with as many machines more as that needs. */
  takeAnyway(processors: number): Placement;
  giveBack(placement: Placement): void;
  add(machines: number): void;
  /** Of the empty ones. */
  remove(machines: number): void;
}

export interface Placement {
  readonly whole: number;
  readonly part: PartMachine | null;
  readonly partCores: number;
}

interface PartMachine {
  free: number;
  /** Its place among those with as many free cores. */
  at: number;
}

export function createRoom(machineCpus: number): Room {
  /** Machines in use with so many free cores; each list in the order in which they came to that number. */
  const parts: PartMachine[][] = Array.from({ length: machineCpus + 1 }, () => []);
  let empty = 0;
  let inUse = 0;

  function file(machine: PartMachine): void {
    const list = parts[machine.free] ?? [];
    machine.at = list.push(machine) - 1;
  }

  function unfile(machine: PartMachine): void {
    const list = parts[machine.free] ?? [];
    const last = list.pop();
    if (last === undefined || last === machine) return;
    list[machine.at] = last;
    last.at = machine.at;
  }

  function fullestWith(cores: number): PartMachine | null {
    for (let free = cores; free < machineCpus; free++) {
      const machine = parts[free]?.at(-1);
      if (machine !== undefined) return machine;
    }
    return null;
  }

  function take(processors: number): Placement | null {
    const whole = Math.floor(processors / machineCpus);
    const partCores = processors - whole * machineCpus;
    const shared = partCores > 0 ? fullestWith(partCores) : null;
    const opened = partCores > 0 && shared === null ? 1 : 0;
    if (whole + opened > empty) return null;
    empty -= whole + opened;
    inUse += whole + opened;
    if (partCores === 0) return { whole, part: null, partCores };
    const part = shared ?? { free: machineCpus, at: -1 };
    if (shared !== null) unfile(shared);
    part.free -= partCores;
    file(part);
    return { whole, part, partCores };
  }

  return {
    get empty() {
      return empty;
    },
    get inUse() {
      return inUse;
    },
    take,
    takeAnyway: (processors) => {
      const placement = take(processors);
      if (placement !== null) return placement;
      empty += Math.ceil(processors / machineCpus);
      return take(processors) ?? { whole: 0, part: null, partCores: 0 };
    },
    giveBack: ({ whole, part, partCores }) => {
      let emptied = whole;
      if (part !== null) {
        unfile(part);
        part.free += partCores;
        if (part.free === machineCpus) emptied += 1;
        else file(part);
      }
      inUse -= emptied;
      empty += emptied;
    },
    add: (machines) => {
      empty += machines;
    },
    remove: (machines) => {
      empty -= machines;
    },
  };
}
