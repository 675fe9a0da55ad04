import { startLeaseQueue } from '../support/lease/under-test.ts';
import { type AdapterCase, adapterCases, adapterConformance } from './adapter-cases.ts';

const noWords = 'a lease says what it wants in its Requirements, and nothing beside them';
const ownMachines = 'machines do not announce themselves: the cloud says which are there';
const nobodyAsked = 'it asks nobody: it is its own scheduler';

const failures = Object.keys(adapterCases)
  .filter((title) => /^(?:jobs|workers): /.test(title))
  .map((title) => [title, nobodyAsked]);

const gaps: Partial<Record<AdapterCase, string>> = {
  ...Object.fromEntries(failures),
  'what offers are asked for is in the ad of the group': noWords,
  'hostile texts are texts': noWords,
  'hostile names are names': noWords,
  'a held job is no demand, and is demand again when it is released': 'leases are not held back',
  'a job that waits for another is no demand before that has ended': 'a lease waits for no other',
  'a job of several machines is one that wants them at the same time': 'a lease is for one machine',
  'a job that cannot be understood harms no other': 'such a lease is refused when it is asked for',
  'a machine of somebody else is nobody’s instance': ownMachines,
  'a machine that says that it is another’s instance is nobody’s': ownMachines,
  'a machine that comes back under another name is the same instance': ownMachines,
  'wrong credentials are denied': nobodyAsked,
  'an address that nobody listens at is unavailable': nobodyAsked,
  'a poll that was given up before it began asks nothing': nobodyAsked,
  'a restart in the middle of a poll is no empty queue': nobodyAsked,
};

adapterConformance('leases', {
  start: startLeaseQueue,
  gaps,
  column: { file: 'lease', part: 'lease', server: 'the lease queue itself, in memory', proven: 'real' },
});
