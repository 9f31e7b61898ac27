import type { Client } from '../../contracts/client.js';
import type { Controller } from '../../contracts/controller.js';
import type { Store } from '../../contracts/store.js';
import type { Clock } from '../../kernel/clock.js';
import type { KindDefinition } from '../../model/kind.js';
import type { KubeObject } from '../../model/object.js';

/** What the suite must know about a controller to put it through its paces. Every function gets a client of its own, which no fault touches. */
export interface ControllerFixture {
  /** A new controller, as a restarted process would make it. */
  controller(): Controller;
  /** Kinds beyond the built-in ones. */
  readonly kinds?: readonly KindDefinition[];
  /** Makes the objects the controller is to work on. It must find something to write. */
  seed(client: Client): Promise<void>;
  /** Changes after which the controller has something to write again, done one after the other. At least one. */
  readonly changes: readonly { readonly name: string; run(client: Client): Promise<void> }[];
  /** Plays the other parts of the cluster, one round; called again and again, and changes nothing when there is nothing to do. */
  others?(client: Client): Promise<void>;
  /** Throws unless everything is as the controller should have made it by now. `changes` tells how many of them have been made. */
  check(client: Client, changes: number): Promise<void>;
  /** Throws when a promise is broken that must hold at every moment. Called after each write of the controller. */
  always?(client: Client): Promise<void>;
  /** Makes objects that look like the controller's own but belong to somebody else, and answers them. None may be touched. */
  foreign?(client: Client): Promise<readonly { readonly kind: KindDefinition; readonly object: KubeObject }[]>;
}

/** What the suite is given: the fixture, and a fresh empty store for the API that it sets up itself. */
export interface ControllerSubject {
  readonly fixture: ControllerFixture;
  /** Called once a case. The suite closes the store. */
  store(clock: Clock): Store;
}
