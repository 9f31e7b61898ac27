import type { Instruments } from '@orrery/core';

/** How a question to a webhook ended. */
export interface WebhookOutcome {
  readonly name: string;
  readonly type: 'admit' | 'validating';
  readonly operation: string;
  readonly seconds: number;
  /** The status of the answer; 0: there was none. */
  readonly code: number;
  /** Why the request was refused because of it; undefined: it was not. */
  readonly refusal: 'calling_webhook_error' | 'no_error' | 'apiserver_internal_error' | undefined;
}

/** Counts what webhooks cost and refuse, under the names of kube-apiserver. */
export class WebhookMetrics {
  readonly #durations;
  readonly #rejections;
  readonly #requests;
  readonly #failOpen;

  constructor(instruments: Instruments) {
    const of = ['name', 'type', 'operation'] as const;
    this.#durations = instruments.histogram({ name: 'apiserver_admission_webhook_admission_duration_seconds', help: 'How long webhooks took, by name, type, operation and whether they refused.', labels: [...of, 'rejected'], buckets: [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25] });
    this.#rejections = instruments.counter({ name: 'apiserver_admission_webhook_rejection_count', help: 'Requests refused because of webhooks, by why and with what code.', labels: [...of, 'error_type', 'rejection_code'] });
    this.#requests = instruments.counter({ name: 'apiserver_admission_webhook_request_total', help: 'Questions to webhooks.', labels: [...of, 'code', 'rejected'] });
    this.#failOpen = instruments.counter({ name: 'apiserver_admission_webhook_fail_open_count', help: 'Webhooks that could not be asked and were left out.', labels: ['name', 'type'] });
  }

  /** A webhook was asked. */
  asked({ name, type, operation, seconds, code, refusal }: WebhookOutcome): void {
    const rejected = String(refusal !== undefined);
    this.#durations.observe({ name, type, operation, rejected }, seconds);
    this.#requests.add({ name, type, operation, code: String(code), rejected });
    if (refusal !== undefined) this.#rejections.add({ name, type, operation, error_type: refusal, rejection_code: String(Math.min(code, 600)) });
  }

  /** A webhook was left out. */
  leftOut(name: string, type: 'admit' | 'validating'): void {
    this.#failOpen.add({ name, type });
  }
}
