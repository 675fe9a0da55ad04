import { startLocal } from '../support/localUnderTest.ts';
import { type DriverCase, driverConformance } from './driver-cases.ts';

const noWire = 'there is no wire between the driver and this host';
const noLever = 'this host has no such lever';

const ownTest = 'test/clouds/local has a test of its own for it';

const gaps: Partial<Record<DriverCase, string>> = {
  'an expired session is renewed once, and what was refused is carried out':
    'this host asks for no credentials',
  'sends one create call for all seats': 'no calls to count',
  'writes the mark in the create call': 'no calls to count',
  'takes fewer machines where there is room for fewer': noLever,
  'finds what was made when the answer was lost': noWire,
  'a lost answer and the same intent again make each machine once': noWire,
  'terminates until the machine is gone, and once more': ownTest,
  'says of a machine on its way what it is, and ends it': ownTest,
  'shows a machine that has ended as gone, or not at all': ownTest,
  'lists 1,000 machines and more, each once': 'that many processes are not for a test',
  'misses no machine that stays while others come and go': 'that many processes are not for a test',
  'bears a view that lags, and calls nothing gone for it': noLever,
  'no room is capacity': noLever,
  'the account at its limit is quota': 'this host has no accounts',
  'what this cloud does not have is unsupported': 'an offer can ask for nothing that this host lacks',
  'refused credentials are auth': 'this host asks for no credentials',
  'an address where nobody listens is unavailable and leaves no doubt': noWire,
  'a create too many is rateLimited and leaves no doubt': noLever,
  'any call too many is rateLimited, and says how long to wait where the cloud does': noLever,
  'a service in trouble is unavailable, and a change is in doubt': noLever,
  'sends nothing again by itself, and works when the trouble is over': noLever,
  'a connection cut before the answer leaves a change in doubt': noWire,
  'gives up a call that hangs when it is told to, and a change is in doubt': noWire,
  'finds what a create made that was given up': noWire,
  'sends nothing that is given up before it begins': 'no calls to count',
  'takes half an answer for none': noWire,
  'takes an empty success for none': noWire,
  "takes somebody else's page for no answer": noWire,
  'reads no answer without end': noWire,
  'lets no secret out when the cloud repeats the request': noWire,
};

driverConformance('processes on this host', {
  start: startLocal,
  gaps,
  column: { file: 'local', part: 'local', server: 'the host that the tests run on', proven: 'real' },
});
