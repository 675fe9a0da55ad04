import { startKubernetesOnLoopback } from '../support/kubernetes/under-test.ts';
import { type DriverCase, driverConformance } from './driver-cases.ts';

const one = 'Kubernetes makes one pod in a call';
const later = 'Kubernetes accepts it and says so later, in the list; test/clouds/kubernetes has tests for it';

const gaps: Partial<Record<DriverCase, string>> = {
  'launches several in one call, in the order of their seats': one,
  'sends one create call for all seats': one,
  'takes fewer machines where there is room for fewer': one,
  'lists every machine of a call that made many': one,
  'no room is capacity': later,
  'an unknown image is notFound': later,
  'bears a view that lags, and calls nothing gone for it': 'a list shows all that was written before it',
};

driverConformance('Kubernetes on the loopback server', {
  start: startKubernetesOnLoopback,
  gaps,
  column: {
    file: 'kubernetes-loopback',
    part: 'kubernetes',
    server: 'a loopback server that behaves as kube-apiserver 1.36 was measured',
    proven: 'contract',
  },
});
