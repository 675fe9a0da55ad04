import {
  DescribeSpotInstanceRequestsCommand,
  type DescribeSpotInstanceRequestsCommandInput,
  type Instance,
} from '@aws-sdk/client-ec2';
import type { CloudInstance } from '../../model/cloud.ts';
import { CloudError, type CloudErrorCode } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { Exchange } from './exchange.ts';
import { allPages } from './pages.ts';
import { redact } from './redact.ts';

const action = 'DescribeSpotInstanceRequests';
const pageRequests = 1000;

/** What a request's status is from the notice on, two minutes ahead as a rule, until the machine is taken. */
const noticed = ['marked-for-termination', 'marked-for-stop'];

/** Which of the machines that a list has shown EC2 will take back. */
export interface SpotNotices {
  /**
   * One DescribeSpotInstanceRequests where spot machines live, none else: only requests with a notice are asked for, so
   * the answer is short. Never throws: a notice is a warning ahead of time, and without it the machine is lost like any other.
   */
  add(
    instances: readonly CloudInstance[],
    spot: ReadonlySet<string>,
    signal: AbortSignal,
  ): Promise<readonly CloudInstance[]>;
}

export function spotNotices(exchange: Exchange, log: Log): SpotNotices {
  let failing: CloudErrorCode | null = null;

  async function read(signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
    const rows = await allPages(action, async (token) => {
      const input: DescribeSpotInstanceRequestsCommandInput = {
        Filters: [{ Name: 'status-code', Values: noticed }],
        MaxResults: pageRequests,
      };
      if (token !== undefined) input.NextToken = token;
      const command = new DescribeSpotInstanceRequestsCommand(input);
      const page = await exchange(command, { action, write: false, signal });
      return { rows: page.SpotInstanceRequests ?? [], next: page.NextToken };
    });
    // A server that does not know the filter may drop it silently.
    return new Map(
      rows.flatMap(({ InstanceId, Status }) =>
        InstanceId !== undefined && noticed.includes(Status?.Code ?? '')
          ? [[InstanceId, redact(Status?.Message || Status?.Code || '', [])] as const]
          : [],
      ),
    );
  }

  return {
    async add(instances, spot, signal) {
      if (spot.size === 0 || failing === 'auth' || failing === 'unsupported') return instances;
      try {
        const notices = await read(signal);
        failing = null;
        return instances.map((instance) => {
          const notice = notices.get(instance.cloudId);
          return notice === undefined ? instance : { ...instance, notice };
        });
      } catch (error) {
        if (!(error instanceof CloudError)) throw error;
        // What is refused once is not asked for again: each list would fail in the same way.
        if (failing !== error.code && !signal.aborted)
          log.warn({ code: error.code, problem: error.message }, 'spot notices not told');
        failing = error.code;
        return instances;
      }
    },
  };
}

/** Of those that have not ended. */
export function isLivingSpot({ InstanceLifecycle, State }: Instance): boolean {
  return InstanceLifecycle === 'spot' && (State?.Name === 'pending' || State?.Name === 'running');
}
