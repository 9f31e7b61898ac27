import type { Clock, Container, ContainerStatus } from '@orrery/core';
import type { ContainerHealth } from '../pod/plan.js';
import { type ProbeVerdict, probeLoop } from './probe-loop.js';
import type { Prober, ProbeTarget } from './prober.js';

/** What probing one container needs. */
export interface ContainerProbesOptions {
  readonly container: Container;
  readonly target: () => ProbeTarget;
  readonly prober: Prober;
  readonly clock: Clock;
  readonly startedAt: number;
  /** What the pod's status said of this very container before this agent took it over: adopted containers keep their readiness. */
  readonly before?: ContainerStatus | undefined;
  /** Called after every change of {@link ContainerProbes.health}. */
  readonly changed: () => void;
  /** A probe failed. */
  readonly failed: (kind: string, message: string) => void;
}

/** All probes of one running container. */
export class ContainerProbes {
  readonly #abort = new AbortController();
  readonly #loops: Promise<void>[] = [];
  readonly #verdicts: { startup: ProbeVerdict; readiness: ProbeVerdict; liveness: ProbeVerdict };
  #unhealthy: string | undefined;

  constructor(private readonly options: ContainerProbesOptions) {
    const { container, before } = options;
    const adopted = (yes: boolean | undefined): ProbeVerdict => (yes === true ? 'passing' : undefined);
    this.#verdicts = { startup: adopted(before?.started), readiness: adopted(before?.ready), liveness: undefined };
    if (container.startupProbe !== undefined && this.#verdicts.startup !== 'passing') this.#loop('startup', container.startupProbe);
    if (container.livenessProbe !== undefined) this.#loop('liveness', container.livenessProbe);
    if (container.readinessProbe !== undefined) this.#loop('readiness', container.readinessProbe);
  }

  /** What is known now. */
  get health(): ContainerHealth {
    const { container } = this.options;
    const started = container.startupProbe === undefined || this.#verdicts.startup === 'passing';
    const ready = started && (container.readinessProbe === undefined || this.#verdicts.readiness === 'passing');
    return { started, ready, ...(this.#unhealthy !== undefined && { unhealthy: this.#unhealthy }) };
  }

  /** Ends all probing. Safe to call twice. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#loops);
  }

  #loop(kind: 'liveness' | 'readiness' | 'startup', probe: NonNullable<Container['livenessProbe']>): void {
    const { container, target, prober, clock, startedAt, changed, failed } = this.options;
    const running = probeLoop(
      {
        kind,
        probe,
        target,
        prober,
        clock,
        startedAt,
        enabled: () => this.#unhealthy === undefined && (kind === 'startup' || this.health.started),
        initial: this.#verdicts[kind],
        changed: (verdict, result) => {
          const before = this.#verdicts[kind];
          this.#verdicts[kind] = verdict;
          if (!result.ok) failed(kind, result.message);
          if (verdict === 'failing' && kind !== 'readiness') this.#unhealthy = `Container ${container.name} failed ${kind} probe, will be restarted`;
          if (verdict !== before) changed();
        },
      },
      this.#abort.signal,
    );
    this.#loops.push(running);
  }
}
