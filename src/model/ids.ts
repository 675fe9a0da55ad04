/**
 * Names and ids, each a type of its own: a pool's name is never passed where an offer's is wanted.
 * The function of the same name makes one from text that has been checked where it entered the program.
 */
declare const brand: unique symbol;
export type Branded<Name extends string> = string & { readonly [brand]: Name };

/** This daemon's name among all that share a cloud account: it is the value of the owner mark. */
export type SiteId = Branded<'SiteId'>;
export const SiteId = (text: string): SiteId => text as SiteId;

export type QueueName = Branded<'QueueName'>;
export const QueueName = (text: string): QueueName => text as QueueName;

export type CloudName = Branded<'CloudName'>;
export const CloudName = (text: string): CloudName => text as CloudName;

export type PoolName = Branded<'PoolName'>;
export const PoolName = (text: string): PoolName => text as PoolName;

export type OfferName = Branded<'OfferName'>;
export const OfferName = (text: string): OfferName => text as OfferName;

/** Stable from poll to poll for as long as the jobs in the group want the same thing. */
export type DemandId = Branded<'DemandId'>;
export const DemandId = (text: string): DemandId => text as DemandId;

/** A job as its queue names it, e.g. `schedd@head#12.3` in HTCondor. */
export type JobId = Branded<'JobId'>;
export const JobId = (text: string): JobId => text as JobId;

/** One create call. Its text is the idempotency token and the mark on every instance that it makes. */
export type IntentId = Branded<'IntentId'>;
export const IntentId = (text: string): IntentId => text as IntentId;

/** Our name of a machine: `<intent>-<seat>`; also its host name, so lower-case letters, digits and `-`. */
export type InstanceId = Branded<'InstanceId'>;
export const InstanceId = (text: string): InstanceId => text as InstanceId;

/** The cloud's own name of a machine. */
export type CloudId = Branded<'CloudId'>;
export const CloudId = (text: string): CloudId => text as CloudId;

/** The batch system's name of a worker. */
export type WorkerId = Branded<'WorkerId'>;
export const WorkerId = (text: string): WorkerId => text as WorkerId;

/** A hold on a machine, as its holder names it. */
export type LeaseId = Branded<'LeaseId'>;
export const LeaseId = (text: string): LeaseId => text as LeaseId;
