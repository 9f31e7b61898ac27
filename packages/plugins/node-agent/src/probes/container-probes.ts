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
  #unhealthy: Pick<ContainerHealth, 'unhealthy' | 'graceSeconds'> = {};

  constructor(private readonly options: ContainerProbesOptions) {
    const { container, before } = options;
    const adopted = (yes: boolean | undefined): ProbeVerdict => (yes === true ? 'passing' : undefined);
    this.#verdicts = { startup: adopted(before?.started), readiness: adopted(before?.ready), liveness: undefined };
    if (container.startupProbe !== undefined && this.#verdicts.startup !== 'passing') this.#loop('startup', container.startupProbe);
    else this.#started();
  }

  /** What is known now. */
  get health(): ContainerHealth {
    const { container } = this.options;
    const started = container.startupProbe === undefined || this.#verdicts.startup === 'passing';
    const ready = started && (container.readinessProbe === undefined || this.#verdicts.readiness === 'passing');
    return { started, ready, ...this.#unhealthy };
  }

  /** Ends all probing. Safe to call twice. */
  async stop(): Promise<void> {
    this.#abort.abort();
    await Promise.all(this.#loops);
  }

  /** The other probes begin when the startup probe has passed, and then at once. */
  #started(): void {
    const { livenessProbe, readinessProbe } = this.options.container;
    if (livenessProbe !== undefined) this.#loop('liveness', livenessProbe);
    if (readinessProbe !== undefined) this.#loop('readiness', readinessProbe);
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
        enabled: () => this.#unhealthy.unhealthy === undefined,
        initial: this.#verdicts[kind],
        changed: (verdict, result) => {
          const before = this.#verdicts[kind];
          this.#verdicts[kind] = verdict;
          if (!result.ok) failed(kind, result.message);
          if (verdict === 'failing' && kind !== 'readiness') {
            const { terminationGracePeriodSeconds: graceSeconds } = probe;
            this.#unhealthy = { unhealthy: `Container ${container.name} failed ${kind} probe, will be restarted`, ...(graceSeconds !== undefined && { graceSeconds }) };
          }
          if (kind === 'startup' && verdict === 'passing' && before !== 'passing' && !this.#abort.signal.aborted) this.#started();
          if (verdict !== before) changed();
        },
      },
      this.#abort.signal,
    );
    this.#loops.push(running);
  }
}
