import type { CallKind, Fault } from '../../conformance/adapter/harness.ts';
import { recorded } from '../../queues/htcondor/fake-tools.ts';
import type { ToolRule } from '../faultyTools.ts';

const tools = { jobs: 'condor_q', workers: 'condor_status' } as const;

/** What goes wrong with the tools, in words that real ones have said. */
export function ruleOf(kind: CallKind, fault: Fault): ToolRule {
  const tool = tools[kind];
  const refused = (file: string): ToolRule => ({
    tool,
    fault: { kind: 'refused', stderr: recorded(`failures/${file}.err`) },
  });
  switch (fault) {
    case 'refused':
      return refused(kind === 'jobs' ? 'auth_fail_condor_q' : 'auth_fail_condor_status');
    case 'trouble':
      return refused(kind === 'jobs' ? 'schedd_off_q' : 'unknown_pool');
    case 'unreachable':
      return refused(kind === 'jobs' ? 'unknown_pool' : 'status_unknown_pool');
    case 'killed':
      return { tool, fault: { kind: 'killed', when: 'before' } };
    case 'hang':
      return { tool, fault: { kind: 'hang', when: 'before' } };
    case 'slow':
      return { tool, fault: { kind: 'slow' } };
    case 'empty':
      return { tool, fault: { kind: 'empty' } };
    case 'foreign':
      return { tool, fault: { kind: 'other', stdout: '<html><body>It works!</body></html>\n' } };
    case 'cut':
      return { tool, args: '-long', fault: { kind: 'truncated', at: 'byte' } };
    case 'half':
      return { tool, args: '-long', fault: { kind: 'truncated', at: 'ad' } };
    case 'oversized':
      return { tool, fault: { kind: 'endless', line: 'Name = "x"' } };
  }
}
