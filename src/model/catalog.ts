import type { Market } from './billing.ts';
import type { Price } from './offer.ts';
import type { Resources } from './resources.ts';

/** What a cloud has that could be offered. */
export interface Catalog {
  readonly flavors: readonly CatalogFlavor[];
  readonly images: readonly CatalogImage[];
  readonly zones: readonly string[];
}

export interface CatalogFlavor {
  readonly name: string;
  /** A disk of 0 is as large as the image, or as the offer asks for. */
  readonly resources: Resources;
  /** In the words of `uname -m`. */
  readonly arch: string;
  /** What the cloud says that it costs; absent where it does not. */
  readonly prices?: readonly CatalogPrice[];
}

export interface CatalogPrice {
  readonly market: Market;
  /** Null: in all zones. */
  readonly zone: string | null;
  readonly price: Price;
}

export interface CatalogImage {
  readonly id: string;
  readonly name: string;
  /** As a flavor's; absent: it is not told, and taken to fit all. */
  readonly arch?: string;
  /** As ISO 8601 has it, in UTC; absent: it is not told. */
  readonly createdAt?: string;
}

/** What a generated offer is made of. */
export interface CatalogChoice {
  readonly flavor: string;
  readonly image: CatalogImage;
  /** Null: none is named. */
  readonly zone: string | null;
}

/** How a kind of cloud writes down what a generated offer boots. */
export interface Generation {
  /** One that its `offerSchema` takes: a config is checked by it before the cloud is asked. */
  readonly example: CatalogChoice;
  /** Fields of an offer's `boot:`, as they would be written. */
  bootOf(choice: CatalogChoice): Readonly<Record<string, unknown>>;
}
