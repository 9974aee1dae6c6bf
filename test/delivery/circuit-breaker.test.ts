/** A dialler that is down gets one lead now and then, and not all leads at once when it is back. */
import { beforeEach, expect, test, vi } from 'vitest';
import { CircuitBreaker } from '../../src/delivery/circuit-breaker.ts';

/** Time passes only through `vi.advanceTimersByTime`. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  return () => void vi.useRealTimers();
});

const concurrency = 20;

function closedCircuit(): CircuitBreaker {
  const circuit = new CircuitBreaker();
  circuit.recordSuccess();
  return circuit;
}

test('allows one lead at a time until the first success, then all', () => {
  const circuit = new CircuitBreaker();
  expect([circuit.allowance(concurrency), circuit.remainingDelay()]).toEqual([1, 0]);
  circuit.recordSuccess();
  expect(circuit.allowance(concurrency)).toBe(concurrency);
});

test('opens after the first failure before any success, otherwise after five consecutive failures', () => {
  const fresh = new CircuitBreaker();
  fresh.recordFailure('motor');
  expect([fresh.allowance(concurrency), fresh.remainingDelay()]).toEqual([0, 1_000]);

  const circuit = closedCircuit();
  for (let count = 1; count < 5; count += 1) {
    circuit.recordFailure('motor');
    expect(circuit.allowance(concurrency), `after ${count} failures`).toBe(concurrency);
  }
  circuit.recordFailure('motor');
  expect([circuit.allowance(concurrency), circuit.remainingDelay()]).toEqual([0, 1_000]);
});

test('counts the first success and each that follows a failure, and keeps the last failure', () => {
  const circuit = new CircuitBreaker();
  expect([circuit.recoveries, circuit.lastFailure]).toEqual([0, undefined]);
  circuit.recordSuccess();
  circuit.recordSuccess();
  expect(circuit.recoveries).toBe(1);
  circuit.recordFailure('motor', 0, 'HTTP 500');
  circuit.recordSuccess();
  expect([circuit.recoveries, circuit.lastFailure]).toEqual([2, 'HTTP 500']);
});

test('a success resets the count of consecutive failures', () => {
  const circuit = closedCircuit();
  for (let count = 0; count < 4; count += 1) circuit.recordFailure('motor');
  circuit.recordSuccess();
  for (let count = 0; count < 4; count += 1) circuit.recordFailure('motor');
  expect(circuit.allowance(concurrency)).toBe(concurrency);
});

test('allows one lead after each delay; the delay doubles up to thirty seconds', () => {
  const circuit = new CircuitBreaker();
  for (const delay of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    circuit.recordFailure('motor');
    expect(circuit.remainingDelay()).toBe(delay);
    vi.advanceTimersByTime(delay - 1);
    expect(circuit.allowance(concurrency)).toBe(0);
    vi.advanceTimersByTime(1);
    expect([circuit.allowance(concurrency), circuit.remainingDelay()]).toEqual([1, 0]);
  }
  circuit.recordSuccess();
  expect(circuit.allowance(concurrency)).toBe(concurrency);
  for (let count = 0; count < 5; count += 1) circuit.recordFailure('motor');
  expect(circuit.remainingDelay()).toBe(1_000);
});

test('failures of attempts that were in flight when the circuit opened do not extend the delay', () => {
  const circuit = closedCircuit();
  for (let count = 0; count < 12; count += 1) circuit.recordFailure('motor');
  expect(circuit.remainingDelay()).toBe(1_000);
});

test('respects Retry-After even after a single failure, but never shortens the delay', () => {
  const circuit = closedCircuit();
  circuit.recordFailure('motor', 60_000);
  expect([circuit.allowance(concurrency), circuit.remainingDelay()]).toEqual([0, 60_000]);
  vi.advanceTimersByTime(60_000);
  expect(circuit.allowance(concurrency)).toBe(concurrency);
  const fresh = new CircuitBreaker();
  fresh.recordFailure('motor', 10);
  expect(fresh.remainingDelay()).toBe(1_000);
});

test('after a reset it allows one lead at a time again', () => {
  const circuit = closedCircuit();
  circuit.recordFailure('motor', 60_000);
  circuit.reset();
  expect([circuit.allowance(concurrency), circuit.remainingDelay()]).toEqual([1, 0]);
  circuit.recordFailure('motor');
  expect(circuit.remainingDelay()).toBe(1_000);
});

test('while half-open, reports the lead types that have failed since the last success', () => {
  const circuit = closedCircuit();
  for (let count = 0; count < 4; count += 1) circuit.recordFailure('home');
  expect(circuit.failedTypes).toEqual([]);
  circuit.recordFailure('motor');
  expect(circuit.failedTypes).toEqual(['home', 'motor']);
  circuit.forgetFailedTypes();
  expect(circuit.failedTypes).toEqual([]);
  circuit.recordFailure('home');
  circuit.recordSuccess();
  expect(circuit.failedTypes).toEqual([]);
  circuit.recordFailure('home');
  circuit.reset();
  expect(circuit.failedTypes).toEqual([]);
});
