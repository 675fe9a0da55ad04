import { TerminateInstancesCommand, type TerminateInstancesResult } from '@aws-sdk/client-ec2';
import { CloudError, type CloudErrorCode } from '../../model/errors.ts';
import type { CloudId } from '../../model/ids.ts';
import { cloudErrorOf, MalformedAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { stateOf } from './instances.ts';

const action = 'TerminateInstances';

/** EC2 allows few such calls a second, and many machines in each. */
const machinesMax = 100;

/** Refusals that may be of one machine among those of a call, all of which are then refused. */
const ofOne: ReadonlySet<CloudErrorCode> = new Set(['notFound', 'invalid', 'auth', 'unsupported']);

export interface Terminations {
  /** Begins the end of a machine, or says where it stands; null: EC2 knows no such machine. */
  end(id: CloudId, signal: AbortSignal): Promise<'ending' | 'gone' | null>;
}

interface Wish {
  readonly id: CloudId;
  readonly signal: AbortSignal;
  readonly answer: PromiseWithResolvers<'ending' | 'gone' | null>;
  /** It goes in a call of its own. */
  readonly alone: boolean;
  /** How many go with it in the call that is under way; 0: none is. */
  flying: number;
}

/**
 * Machines whose end is asked for while a call is under way go together in the next one, so that a farm that ends many
 * machines makes few calls. Nobody waits for company: where no call is under way one is made at once. A call in which EC2
 * refuses one machine is refused whole; then each is asked for alone.
 */
export function terminationsThrough(exchange: Exchange): Terminations {
  let waiting: readonly Wish[] = [];
  let isFlying = false;

  function begin(): void {
    waiting = waiting.filter(({ signal }) => !signal.aborted);
    if (isFlying || waiting.length === 0) return;
    const batch = nextOf(waiting);
    waiting = waiting.filter((wish) => !batch.includes(wish));
    isFlying = true;
    void fly(batch).finally(() => {
      isFlying = false;
      begin();
    });
  }

  async function fly(batch: readonly Wish[]): Promise<void> {
    for (const wish of batch) wish.flying = batch.length;
    const InstanceIds = [...new Set<string>(batch.map(({ id }) => id))];
    const command = new TerminateInstancesCommand({ InstanceIds });
    try {
      const answer = await exchange(command, { action, write: true, signal: untilAllLeave(batch) });
      for (const { id, answer: told } of batch) tell(told, () => stateIn(answer, id));
    } catch (error) {
      const isOfOne = error instanceof CloudError && ofOne.has(error.code);
      if (batch.length > 1 && isOfOne) {
        waiting = [...waiting, ...batch.map((wish) => ({ ...wish, alone: true, flying: 0 }))];
        return;
      }
      for (const { answer: told } of batch)
        if (error instanceof CloudError && error.code === 'notFound') told.resolve(null);
        else told.reject(error);
    }
  }

  return {
    async end(id, signal) {
      const wish: Wish = { id, signal, answer: Promise.withResolvers(), alone: false, flying: 0 };
      const leave = () => {
        // Who flies alone is told by the call itself, which knows whether it was sent.
        const handedOver = wish.flying > 1;
        if (wish.flying === 1) return;
        wish.answer.reject(
          cloudErrorOf(signal.reason, { action, write: true, handedOver, aborted: true, secrets: [] }),
        );
      };
      if (signal.aborted) leave();
      else {
        signal.addEventListener('abort', leave, { once: true });
        waiting = [...waiting, wish];
        begin();
      }
      try {
        return await wish.answer.promise;
      } finally {
        signal.removeEventListener('abort', leave);
      }
    },
  };
}

function nextOf(waiting: readonly Wish[]): readonly Wish[] {
  const [first] = waiting;
  if (first?.alone === true) return [first];
  return waiting.filter(({ alone }) => !alone).slice(0, machinesMax);
}

/** Aborted when none of them waits any more. */
function untilAllLeave(batch: readonly Wish[]): AbortSignal {
  const [only] = batch;
  if (batch.length === 1 && only !== undefined) return only.signal;
  const together = new AbortController();
  let left = 0;
  for (const { signal } of batch) {
    const leave = () => {
      left += 1;
      if (left === batch.length) together.abort(signal.reason);
    };
    if (signal.aborted) leave();
    else signal.addEventListener('abort', leave, { once: true, signal: together.signal });
  }
  return together.signal;
}

function tell<T>(told: PromiseWithResolvers<T>, read: () => T): void {
  try {
    told.resolve(read());
  } catch (thrown) {
    told.reject(cloudErrorOf(thrown, { action, write: true, handedOver: true, aborted: false, secrets: [] }));
  }
}

function stateIn(answer: TerminateInstancesResult, id: CloudId): 'ending' | 'gone' {
  const row = answer.TerminatingInstances?.find((change) => change.InstanceId === id);
  if (row === undefined) throw new MalformedAnswer('does not name the instance');
  // Nothing comes after `terminated`, whatever a server says of the state that it is in "now".
  const now = stateOf(row.CurrentState?.Name);
  return now === 'gone' || row.PreviousState?.Name === 'terminated' ? 'gone' : 'ending';
}
