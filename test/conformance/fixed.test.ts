import { startFixed } from '../support/fixedUnderTest.ts';
import { type DriverCase, driverConformance } from './driver-cases.ts';

const one = 'a launch takes one host';
const noWire = 'there is no wire between the driver and its claims';
const noServer = 'there is no server that could refuse';
const noLag = 'a claim is there or is not: no view of it lags';
const ownTest = 'test/clouds/fixed has a test of its own for it';

const gaps: Partial<Record<DriverCase, string>> = {
  'an expired session is renewed once, and what was refused is carried out': 'hosts have no accounts',
  'launches several in one call, in the order of their seats': one,
  'takes fewer machines where there is room for fewer': one,
  'lists every machine of a call that made many': one,
  'sends one create call for all seats': one,
  'writes the mark in the create call': 'no calls to count',
  'finds what was made when the answer was lost': noWire,
  'a lost answer and the same intent again make each machine once': noWire,
  'terminates until the machine is gone, and once more': 'it is given back in one step',
  'says of a machine on its way what it is, and ends it': ownTest,
  'does not call an unknown machine gone before the views can have caught up': noLag,
  'bears a view that lags, and calls nothing gone for it': noLag,
  'gives a catalog of sizes, images and zones': 'what is in a host is not asked of it',
  'no room is capacity': ownTest,
  'the account at its limit is quota': 'hosts have no accounts',
  'what this cloud does not have is unsupported': 'hosts are all that an offer can ask for',
  'refused credentials are auth': 'hosts have no accounts',
  'an address where nobody listens is unavailable and leaves no doubt': noWire,
  'a create too many is rateLimited and leaves no doubt': noServer,
  'any call too many is rateLimited, and says how long to wait where the cloud does': noServer,
  'a service in trouble is unavailable, and a change is in doubt': noServer,
  'sends nothing again by itself, and works when the trouble is over': noServer,
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

driverConformance('hosts that exist already', {
  start: startFixed,
  gaps,
  column: {
    file: 'fixed',
    part: 'fixed',
    server: 'claims on the host that the tests run on',
    proven: 'real',
  },
});
