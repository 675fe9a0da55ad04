import type { CoreSite, CoreState, TickInput } from '../../../src/daemon/tick.ts';
import { isComing } from '../../../src/fleet/entry.ts';
import type { Outcome } from '../../../src/fleet/fleet.ts';
import type { QueueSnapshot } from '../../../src/model/demand.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { IntentId, type PoolName } from '../../../src/model/ids.ts';
import type { Pool, PoolLimits } from '../../../src/model/offer.ts';
import type { Invariant } from '../../../src/simulate/judge.ts';
import type { Core, Tampering } from '../../../src/simulate/tampering.ts';
import { rewriteInstances } from './rewrite.ts';

/** The core with one thing broken on purpose: the soak must notice. */
export interface CoreMutant {
  readonly name: string;
  /** What it breaks, and so by which invariants it may be caught. */
  readonly breaks: readonly Invariant[];
  /** A new one for each story: it may remember things. */
  readonly tampering: () => Tampering;
}

type Before = (state: CoreState, input: TickInput, site: CoreSite) => Parameters<Core>;

const before =
  (change: Before): NonNullable<Tampering['core']> =>
  (core) =>
  (state, input, site) =>
    core(...change(state, input, site));

const withOutcomes = (change: (outcome: Outcome) => Outcome) =>
  before((state, input, site) => [state, { ...input, outcomes: input.outcomes.map(change) }, site]);

function withPools(site: CoreSite, change: (pool: Pool) => Pool): CoreSite {
  return { ...site, pools: new Map([...site.pools].map(([name, pool]) => [name, change(pool)])) };
}

const withLimits = (limits: Partial<PoolLimits>) =>
  before((state, input, site) => [
    state,
    input,
    withPools(site, (pool) => ({ ...pool, limits: { ...pool.limits, ...limits } })),
  ]);

function withViews(input: TickInput, change: (view: QueueSnapshot) => QueueSnapshot): TickInput {
  return {
    ...input,
    views: input.views.map(change),
    latestViews: new Map([...input.latestViews].map(([name, view]) => [name, change(view)])),
    queues: new Map(
      [...input.queues].map(([name, outlook]) => [
        name,
        { ...outlook, view: outlook.view === null ? null : change(outlook.view) },
      ]),
    ),
  };
}

function countOf({ fleet }: CoreState, pool: PoolName, phases: readonly string[]): number {
  let count = 0;
  for (const { instance } of fleet.entries.values())
    if (instance.pool === pool && phases.includes(instance.phase)) count += 1;
  return count;
}

export const coreMutants: readonly CoreMutant[] = [
  {
    name: 'one look that shows a machine drained is enough',
    breaks: ['noKillOfWork'],
    tampering: () => ({
      core: (core) => (state, input, site) =>
        rewriteInstances(core(state, input, site), input, ({ instance, sighting }) =>
          instance.phase === 'draining' && instance.endReason !== null && sighting.drainedViews === 1
            ? { phase: 'terminating', phaseSinceMs: input.nowMs, deadlineMs: input.nowMs }
            : null,
        ),
    }),
  },
  {
    name: 'a machine that nobody needs is ended without a drain',
    breaks: ['noKillOfWork'],
    tampering: () => ({
      core: (core) => (state, input, site) =>
        rewriteInstances(core(state, input, site), input, ({ instance }) =>
          instance.phase === 'draining' && instance.endReason !== null
            ? { phase: 'terminating', phaseSinceMs: input.nowMs, deadlineMs: input.nowMs }
            : null,
        ),
    }),
  },
  {
    name: 'the intent is not stored before the call',
    breaks: ['noDoubleLaunch', 'noLeak'],
    tampering: () => ({
      core: (core) => (state, input, site) => {
        const result = core(state, input, site);
        if (result.batch === null) return result;
        const intents = result.batch.intents.filter((intent) => intent.state !== 'open');
        const instances = result.batch.instances.filter(({ phase }) => phase !== 'requested');
        return { ...result, batch: { ...result.batch, intents, instances } };
      },
    }),
  },
  {
    name: 'only usable machines count toward max',
    breaks: ['boundsHold'],
    tampering: () => ({
      core: before((state, input, site) => [
        state,
        input,
        withPools(site, (pool) => ({
          ...pool,
          max:
            pool.max +
            countOf(state, pool.name, [
              'unknown',
              'building',
              'joining',
              'failed',
              'terminating',
              'unreachable',
            ]),
        })),
      ]),
    }),
  },
  {
    name: 'a part of a view is taken for the whole',
    breaks: ['noKillOfWork', 'silenceIsNotZero', 'noLeak'],
    tampering: () => ({
      core: before((state, input, site) => [
        state,
        withViews(input, (view) => ({ ...view, workersComplete: true, demandComplete: true })),
        site,
      ]),
    }),
  },
  {
    name: 'a poll that fails is an empty queue',
    breaks: ['noKillOfWork', 'silenceIsNotZero', 'noThrash'],
    tampering: () => {
      let last: QueueSnapshot | null = null;
      return {
        queue: (queue) => ({
          ...queue,
          poll: async (request, signal) => {
            try {
              last = await queue.poll(request, signal);
              return last;
            } catch (error) {
              if (last === null || signal.aborted) throw error;
              return { ...last, takenAtMs: request.nowMs, demand: [], workers: [] };
            }
          },
        }),
      };
    },
  },
  {
    name: 'a machine that one list does not show is gone',
    breaks: ['noLeak', 'boundsHold'],
    tampering: () => ({
      core: before((state, input, site) => {
        const outcomes = input.lists.flatMap((list) => {
          const listed = new Set(list.instances.map(({ cloudId }) => cloudId));
          return [...state.fleet.entries.values()].flatMap(
            ({ instance: { id, cloud, cloudId } }): Outcome[] =>
              cloud === list.cloud && cloudId !== null && !listed.has(cloudId)
                ? [{ kind: 'terminated', instance: id, verdict: 'gone' }]
                : [],
          );
        });
        return [state, { ...input, outcomes: [...input.outcomes, ...outcomes] }, site];
      }),
    }),
  },
  {
    name: 'an unknown create call is given up at the first look-up in vain',
    breaks: ['noLeak', 'noDoubleLaunch', 'boundsHold'],
    tampering: () => ({
      core: before((state, input, site) => [state, input, { ...site, listLagMs: () => 0 }]),
    }),
  },
  {
    name: 'an unknown create call is sent again where that makes a second machine',
    breaks: ['noDoubleLaunch'],
    tampering: () => ({
      core: before((state, input, site) => [state, input, { ...site, replaySafe: () => true }]),
    }),
  },
  {
    name: 'a create call in doubt is taken for refused',
    breaks: ['noLeak', 'noDoubleLaunch'],
    tampering: () => ({
      core: withOutcomes((outcome) =>
        outcome.kind === 'launchFailed' ? { ...outcome, inDoubt: false } : outcome,
      ),
    }),
  },
  {
    name: 'a create call that a death interrupted is taken for refused',
    breaks: ['noLeak', 'noDoubleLaunch'],
    tampering: () => ({
      core: withOutcomes((outcome) =>
        outcome.kind === 'interrupted'
          ? {
              kind: 'launchFailed',
              intent: outcome.intent,
              code: 'unavailable',
              message: 'interrupted',
              inDoubt: false,
              retryAfterMs: null,
            }
          : outcome,
      ),
    }),
  },
  {
    name: 'the machine does not bear the mark of its intent',
    breaks: ['noLeak', 'noDoubleLaunch', 'everythingIsExplained'],
    tampering: () => ({
      cloud: (cloud) => ({
        ...cloud,
        launch: (order, signal) => cloud.launch({ ...order, intent: IntentId(`${order.intent}x`) }, signal),
      }),
    }),
  },
  {
    name: 'no deadline for joining',
    breaks: ['everyPhaseEnds', 'failuresAreSetAside', 'everythingIsExplained'],
    tampering: () => {
      const endless = withLimits({ joinMaxMs: 1e12 });
      return {
        core: (core) => (state, input, site) => endless(core)({ ...state, learned: new Map() }, input, site),
      };
    },
  },
  {
    name: 'nothing is set aside',
    breaks: ['failuresAreSetAside'],
    tampering: () => ({
      core: before((state, input, site) => [{ ...state, setAsides: new Map() }, input, site]),
    }),
  },
  {
    name: 'what is set aside is never tried again',
    breaks: ['failuresAreSetAside', 'everythingIsExplained', 'boundsHold', 'everyPhaseEnds'],
    tampering: () => ({
      core: before((state, input, site) => [
        {
          ...state,
          setAsides: new Map([...state.setAsides].map(([key, aside]) => [key, { ...aside, untilMs: 1e15 }])),
        },
        input,
        site,
      ]),
    }),
  },
  {
    name: 'the time that a cloud asks for is not kept',
    breaks: ['failuresAreSetAside'],
    tampering: () => ({
      core: withOutcomes((outcome) =>
        outcome.kind === 'launchFailed' ? { ...outcome, retryAfterMs: null } : outcome,
      ),
    }),
  },
  {
    name: 'strangers are neither adopted nor ended',
    breaks: ['noLeak', 'everyPhaseEnds'],
    tampering: () => ({
      core: before((state, input, site) => [
        { ...state, fleet: { ...state.fleet, strangers: new Map() } },
        input,
        site,
      ]),
    }),
  },
  {
    name: 'an un-drain is never sent',
    breaks: ['everyPhaseEnds', 'everythingIsExplained', 'noLeak'],
    tampering: () => ({ queue: (queue) => ({ ...queue, undrain: async () => {} }) }),
  },
  {
    name: 'a termination that failed is not repeated',
    breaks: ['everyPhaseEnds', 'noLeak'],
    tampering: () => {
      const failed = new Set<string>();
      return {
        cloud: (cloud) => ({
          ...cloud,
          terminate: async (id, signal) => {
            if (failed.has(id)) return 'ending';
            failed.add(id);
            return cloud.terminate(id, signal);
          },
        }),
      };
    },
  },
  {
    name: 'machines on their way are not subtracted from demand',
    breaks: ['noThrash', 'everyPhaseEnds'],
    tampering: () => ({
      core: before((state, input, site) => {
        const coming = [...state.fleet.entries.values()].filter(({ instance }) =>
          isComing(instance, input.nowMs),
        );
        const inflate = (view: QueueSnapshot): QueueSnapshot => ({
          ...view,
          demand: view.demand.map((group) => ({
            ...group,
            count: group.count + 4 * coming.filter(({ instance }) => instance.queue === view.queue).length,
          })),
        });
        return [state, withViews(input, inflate), site];
      }),
    }),
  },
  {
    name: 'a restart drains what is idle',
    breaks: ['restartDoesNothing'],
    tampering: () => {
      let isFresh = true;
      return {
        core: (core) => (state, input, site) => {
          isFresh ||= input.outcomes.some(({ kind }) => kind === 'resumed');
          const idle = [...state.fleet.entries.values()].filter(
            ({ instance, sighting }) => instance.phase === 'idle' && sighting.activity === 'idle',
          );
          if (!isFresh || idle.length === 0 || input.outcomes.length > 0) return core(state, input, site);
          isFresh = false;
          const orders = idle.map(({ instance }) => ({ kind: 'drain', instance: instance.id }) as const);
          return core(state, { ...input, orders: [...input.orders, ...orders] }, site);
        },
      };
    },
  },
  {
    name: 'the journal does not say why machines end',
    breaks: ['everythingIsExplained'],
    tampering: () => ({
      core: (core) => (state, input, site) => {
        const result = core(state, input, site);
        if (result.batch === null) return result;
        const journal = result.batch.journal.filter(({ kind }) => kind !== 'ended');
        return { ...result, batch: { ...result.batch, journal } };
      },
    }),
  },
  {
    name: 'an error of a cloud quotes the user data',
    breaks: ['secretsStaySecret'],
    tampering: () => ({
      cloud: (cloud) => ({
        ...cloud,
        launch: async (order, signal) => {
          try {
            return await cloud.launch(order, signal);
          } catch (error) {
            if (!(error instanceof CloudError)) throw error;
            const { code, message, inDoubt } = error;
            throw new CloudError(code, `${message} in ${order.userData}`, { inDoubt });
          }
        },
      }),
    }),
  },
];
