interface PageWords {
  /** For programs that are made from the document: unique. */
  readonly operationId: string;
  readonly summary: string;
}

const page = (operationId: string, summary: string): PageWords => ({ operationId, summary });

/** What the OpenAPI document calls each page. */
export const pageWords: ReadonlyMap<string, PageWords> = new Map([
  ['GET /v1/status', page('status', 'Queues, clouds and pools as they are now')],
  ['GET /v1/plan', page('plan', 'What would be done now, and why; nothing is done')],
  ['GET /v1/instances', page('instances', 'Machines, those that have ended where they are asked for')],
  ['GET /v1/instances/:id', page('instance', 'A machine, why it was booted and why it ended')],
  ['GET /v1/explain/instance/:id', page('explainInstance', 'The same')],
  ['GET /v1/explain/job/:id', page('explainJob', 'Why a job waits, and what will come of it')],
  ['GET /v1/stream', page('stream', 'What happens, as it happens: server-sent events')],
  ['GET /v1/history', page('history', 'Machines and jobs over the last hour or day')],
  ['GET /v1/caller', page('caller', 'Who asks, and what for it may be')],
  ['GET /v1/events', page('events', 'What is decided, as it is stored: server-sent events')],
  ['GET /metrics', page('metrics', 'What is measured, in Prometheus’s text form')],
  ['GET /healthz', page('health', 'Whether the loop makes progress')],
  ['GET /readyz', page('readiness', 'Whether all queues, clouds and the store answer')],
  ['GET /v1/accounting', page('accounting', 'What has been used, by whom and of what')],
  [
    'POST /v1/accounting/report',
    page('reportUsage', 'Puts usage records of what is not reported yet into a folder'),
  ],
  ['GET /v1/journal', page('journal', 'What was decided, newest first')],
  ['POST /v1/instances', page('launch', 'Launches machines by hand, within every bound')],
  [
    'POST /v1/instances/:id/drain',
    page('drain', 'The machine takes no more jobs, and ends when it has none'),
  ],
  ['POST /v1/instances/:id/undrain', page('undrain', 'The machine takes jobs again')],
  ['POST /v1/instances/:id/terminate', page('terminate', 'Ends a machine: when it is idle, or by force')],
  ['POST /v1/pools/:name/pause', page('pausePool', 'The pool takes no new machines')],
  ['POST /v1/pools/:name/resume', page('resumePool', 'The pool takes new machines again')],
  [
    'POST /v1/pools/:name/scale',
    page('scalePool', 'Sets the pool’s bounds, or gives them back to the config'),
  ],
  ['GET /v1/downtimes', page('downtimes', 'Declared downtimes that are not over')],
  ['POST /v1/downtimes', page('addDowntime', 'Declares a downtime of a cloud, a pool or the site')],
  ['POST /v1/downtimes/:id/end', page('endDowntime', 'Ends a downtime before its time, or takes it back')],
  ['POST /v1/reload', page('reload', 'Reads the config file again, and holds to it if it is good')],
  ['GET /v1/config', page('configuration', 'The configuration that holds, without secrets')],
  ['POST /v1/leases', page('askLease', 'Asks for a machine')],
  ['GET /v1/leases', page('leases', 'Leases that have not ended')],
  ['GET /v1/leases/:id', page('lease', 'A lease; with `from`, when it is in that state no longer')],
  ['POST /v1/leases/:id/renew', page('renewLease', 'Its holder is alive')],
  ['POST /v1/leases/:id/return', page('returnLease', 'Gives the machine back')],
]);
