import type { Attributes, Clock, UserInfo } from '@orrery/core';
import type { Exchange } from '../exchange.js';
import { type AuditStage, auditEvent } from './event.js';
import type { AuditSink } from './file-log.js';
import { type AuditLevel, auditLevel, type AuditPolicy } from './policy.js';

/** What an auditor is made from. */
export interface AuditorOptions {
  readonly policy: AuditPolicy;
  readonly sink: AuditSink;
  readonly clock: Clock;
}

interface Begun {
  readonly attributes: Attributes;
  readonly level: AuditLevel;
}

const NOBODY: UserInfo = { name: '', groups: [] };

/** Writes down requests as a policy says. */
export class Auditor {
  readonly #begun = new WeakMap<Exchange, Begun>();

  constructor(private readonly options: AuditorOptions) {}

  /**
   * It is known who asks for what. What goes on (a watch, a command) is written down now, too. Resolves when there is room in the log: what is to be written down is not done before,
   * and what is not does not wait.
   */
  async begin(exchange: Exchange, attributes: Attributes, goesOn = false): Promise<void> {
    const level = auditLevel(this.options.policy, attributes);
    this.#begun.set(exchange, { attributes, level });
    if (level === 'None') return;
    await this.options.sink.room();
    if (goesOn) this.#write(exchange, { attributes, level }, 'RequestReceived');
  }

  /** It is over. A request of which it never became known who sent it is written down as one of nobody. */
  end(exchange: Exchange, path: string): void {
    const attributes = { user: NOBODY, verb: (exchange.request.method ?? '').toLowerCase(), path };
    const begun = this.#begun.get(exchange) ?? { attributes, level: auditLevel(this.options.policy, attributes) };
    this.#write(exchange, begun, 'ResponseComplete');
  }

  #write(exchange: Exchange, { attributes, level }: Begun, stage: AuditStage): void {
    if (level === 'None') return;
    const { request, response } = exchange;
    this.options.sink.write(
      auditEvent({
        id: exchange.id, uri: request.url ?? '/', attributes, caller: exchange.impersonator, address: request.socket.remoteAddress ?? '', userAgent: request.headers['user-agent'],
        receivedAt: exchange.receivedAt, now: this.options.clock.now(), stage, level, code: response.statusCode, sent: exchange.sent, answered: exchange.answered, annotations: exchange.annotations,
      }),
    );
  }
}
