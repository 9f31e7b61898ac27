/**
 * Containers that exist only as states on the clock.
 * @packageDocumentation
 */
import { Runtimes, definePlugin } from '@orrery/core';
import { z } from 'zod';
import type { BehaviourOf } from './behaviour.js';
import type { SimulatedFaults } from './faults.js';
import { SimulatedMachine } from './machine.js';
import { createSimulatedRuntime } from './simulated-runtime.js';

export type { BehaviourOf, SimulatedBehaviour, SimulatedExec, SimulatedLine } from './behaviour.js';
export type { SimulatedContainer } from './container.js';
export type { SimulatedFaults, SimulatedOperation } from './faults.js';
export { SimulatedImages } from './images.js';
export type { ImageOf, SimulatedImage, SimulatedImagesOptions } from './images.js';
export { SimulatedMachine, simulatedProber } from './machine.js';
export type { SimulatedMachineOptions, SimulatedProbe } from './machine.js';
export { createSimulatedRuntime } from './simulated-runtime.js';
export type { SimulatedRuntimeOptions } from './simulated-runtime.js';

/**
 * Takes a runtime seat with a simulated runtime: on a `machine` that outlives the orchestrator, or else on one of its own.
 */
export const simulatedRuntime = definePlugin({
  name: 'runtime-simulated',
  core: '^0.1.0',
  options: z
    .strictObject({
      /** The name a pod's runtime class selects. */
      name: z.string().min(1).max(253).default('simulated'),
      /** The machine to run on; it brings its own behaviour and addresses. */
      machine: z.instanceof(SimulatedMachine).optional(),
      /** How containers behave on a machine of its own. */
      behaviour: z.custom<BehaviourOf>((value) => typeof value === 'function', 'must be a function').optional(),
      /** Where pod addresses come from on a machine of its own. */
      podCIDR: z.cidrv4().optional(),
      /** Where the runtime misbehaves. */
      faults: z.custom<SimulatedFaults>((value) => typeof value === 'object' && value !== null, 'must be an object').optional(),
    })
    .prefault({}),
  setup({ provideNamed, scope, clock, random, options: { name, machine: given, behaviour, podCIDR, faults } }) {
    provideNamed(Runtimes, name, () => {
      const machine = given ?? new SimulatedMachine({ clock, random, ...(behaviour === undefined ? {} : { behaviour }), ...(podCIDR === undefined ? {} : { podCIDR }) });
      if (given === undefined) scope.defer(() => machine.close());
      return scope.own(createSimulatedRuntime({ machine, name, ...(faults === undefined ? {} : { faults }) }));
    });
  },
});
