import type { Job, Node, NodeSource, Task } from './world.ts';
import { isOver } from './world.ts';

/** Rows as the server's own data classes write them: every field, null where there is nothing. */
export function jobInfo(job: Job): Record<string, unknown> {
  const count = (test: (task: Task) => boolean) => job.tasks.filter(test).length;
  const has = (status: string) => count((task) => task.status === status);
  return {
    startTime: 0,
    inErrorTime: 0,
    finishedTime: 0,
    submittedTime: job.submittedAtMs,
    removedTime: 0,
    status: job.status,
    jobId: { id: job.id, readableName: job.name },
    totalNumberOfTasks: job.tasks.length,
    numberOfPendingTasks: has('PENDING') + has('SUBMITTED'),
    numberOfRunningTasks: has('RUNNING'),
    numberOfFinishedTasks: count(
      (task) => isOver(task) && task.status !== 'FAULTY' && task.status !== 'FAILED',
    ),
    numberOfFailedTasks: has('FAILED'),
    numberOfFaultyTasks: has('FAULTY'),
    numberOfInErrorTasks: has('IN_ERROR'),
    priority: job.priority,
    jobOwner: job.owner,
    tenant: null,
    projectName: null,
    toBeRemoved: false,
    genericInformation: job.words,
    variables: null,
    detailedVariables: null,
    signals: null,
    detailedSignals: null,
    visualizationConnectionStrings: null,
    visualizationIcons: null,
    attachedServices: null,
    externalEndpointUrls: null,
    resultMapPresent: false,
    preciousTasks: null,
    parentId: null,
    childrenCount: 0,
  };
}

export function userJob(job: Job): unknown {
  return job.broken ?? { jobInfo: jobInfo(job), jobOwner: job.owner, jobid: String(job.id) };
}

export function taskState(job: Job, task: Task): unknown {
  return {
    name: task.name,
    description: null,
    tag: null,
    iterationIndex: 0,
    replicationIndex: 0,
    maxNumberOfExecution: 0,
    maxNumberOfExecutionOnFailure: 0,
    taskInfo: {
      jobId: { id: job.id, readableName: job.name },
      taskId: { id: task.id, readableName: task.name },
      startTime: 0,
      finishedTime: task.finishedAtMs,
      inErrorTime: 0,
      scheduledTime: 0,
      executionDuration: 0,
      taskStatus: task.status,
      executionHostName: task.on[0] ?? null,
      numberOfExecutionLeft: 0,
      numberOfExecutionOnFailureLeft: 0,
      visualizationActivated: false,
      visualizationConnectionString: null,
      progress: 0,
    },
    parallelEnvironment: task.nodes === 1 ? null : { nodesNumber: task.nodes },
    genericInformation: task.words,
    numberOfNodesNeeded: task.nodes,
  };
}

export function nodeEvent(node: Node): Record<string, unknown> {
  return {
    timeStamp: 0,
    counter: 0,
    firstCounter: 0,
    nodeUrl: node.url,
    nodeSource: node.source,
    hostName: node.host,
    nodeState: node.state,
    previousNodeState: null,
    nodeProvider: node.provider,
    nodeOwner: node.owner,
    description: null,
    defaultJMXUrl: null,
    proactiveJMXUrl: null,
    lockTime: 0,
    nodeLocker: null,
    usageInfo: null,
    tokens: node.tokens.length === 0 ? null : node.tokens,
    key: node.url,
    locked: node.locked,
    padname: '',
    vnName: null,
    vmname: 'PA_JVM1',
    nodeInfo: null,
    eventType: 'NODE_ADDED',
    rmurl: null,
    timeStampFormatted: '1/1/70, 12:00 AM',
  };
}

export function nodeSourceEvent({ name, status }: NodeSource): Record<string, unknown> {
  return {
    timeStamp: 0,
    counter: 0,
    firstCounter: 0,
    nodeSourceName: name,
    nodeSourceDescription: 'Infrastructure: DefaultInfrastructureManager, Policy: StaticPolicy',
    additionalInformation: {},
    nodeSourceAdmin: 'admin',
    nodeSourceStatus: status,
    key: name,
    sourceName: name,
    sourceDescription: 'Infrastructure: DefaultInfrastructureManager, Policy: StaticPolicy',
    eventType: null,
    rmurl: null,
    timeStampFormatted: '1/1/70, 12:00 AM',
  };
}

export function jobXml(job: Job): string {
  const tasks = job.tasks.map(({ name, after }) => {
    const needs = after.map((ref) => `<task ref="${escaped(ref)}"/>`).join('');
    const script =
      '<scriptExecutable><script><code><![CDATA[ <task name="decoy"> ]]></code></script></scriptExecutable>';
    return `<task name="${escaped(name)}">${needs === '' ? '' : `<depends>${needs}</depends>`}${script}</task>`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<job xmlns="urn:proactive:jobdescriptor:3.14" name="${escaped(job.name)}"><taskFlow>${tasks.join('')}</taskFlow></job>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

export const nsState = (errorMessage: string | null) => ({
  result: errorMessage === null,
  errorMessage,
  stackTrace: errorMessage === null ? null : 'java.lang.IllegalArgumentException: …',
});
