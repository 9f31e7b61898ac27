import { randomBytes } from 'node:crypto';
import type { CancelTimer } from '@orrery/core';

// The helper's adapter to the machine's clock and chance. The helper is a program of its own that must start in milliseconds and stay small,
// so it cannot load the core's adapter; like that one, this file is the only place of the helper that touches timers and chance.

/** Wall-clock time in milliseconds since the epoch. */
export function now(): number {
  return Date.now();
}

/** Calls `fire` once after `delayMs`. */
export function timer(delayMs: number, fire: () => void): CancelTimer {
  const handle = setTimeout(fire, Math.max(0, Math.min(delayMs, 2 ** 31 - 1)));
  return () => clearTimeout(handle);
}

/** Resolves after `delayMs`. */
export function delay(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    timer(delayMs, resolve);
  });
}

/** Resolves with true when `promise` settles within `limitMs`, else with false; never rejects. */
export function settlesWithin(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  return new Promise((resolve) => {
    const cancel = timer(limitMs, () => resolve(false));
    const settled = (): void => {
      cancel();
      resolve(true);
    };
    promise.then(settled, settled);
  });
}

/** 128 random bits as 32 hexadecimal digits. */
export function randomId(): string {
  return randomBytes(16).toString('hex');
}

let anchorNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();

/** Now in RFC 3339 with nanoseconds. Never goes back, unless the wall clock is set by more than 50 ms. */
export function timestamp(): string {
  let ns = anchorNs + process.hrtime.bigint();
  const wallMs = Date.now();
  if (Math.abs(Number(ns / 1_000_000n) - wallMs) > 50) {
    anchorNs = BigInt(wallMs) * 1_000_000n - process.hrtime.bigint();
    ns = BigInt(wallMs) * 1_000_000n;
  }
  const seconds = new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}
