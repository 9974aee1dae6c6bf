/** A dialler that is down is asked now and then by one lead, and is not met by all of them when it is back. */
import { beforeEach, expect, test, vi } from 'vitest';
import { CircuitBreaker } from '../../src/delivery/circuit-breaker.ts';

/** Time passes only by `vi.advanceTimersByTime`. */
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  return () => void vi.useRealTimers();
});

const many = 20;

function proven(): CircuitBreaker {
  const circuit = new CircuitBreaker();
  circuit.succeeded();
  return circuit;
}

test('begins with one lead at a time, and lets all through after one success', () => {
  const circuit = new CircuitBreaker();
  expect([circuit.allowance(many), circuit.waitsFor()]).toEqual([1, 0]);
  circuit.succeeded();
  expect(circuit.allowance(many)).toBe(many);
});

test('opens at the first failure before a success, and then at the fifth in a row', () => {
  const fresh = new CircuitBreaker();
  fresh.failed();
  expect([fresh.allowance(many), fresh.waitsFor()]).toEqual([0, 1_000]);

  const circuit = proven();
  for (let count = 1; count < 5; count += 1) {
    circuit.failed();
    expect(circuit.allowance(many), `after ${count} failures`).toBe(many);
  }
  circuit.failed();
  expect([circuit.allowance(many), circuit.waitsFor()]).toEqual([0, 1_000]);
});

test('a success starts the count of failures anew', () => {
  const circuit = proven();
  for (let count = 0; count < 4; count += 1) circuit.failed();
  circuit.succeeded();
  for (let count = 0; count < 4; count += 1) circuit.failed();
  expect(circuit.allowance(many)).toBe(many);
});

test('after a pause one lead is let through; each further pause is twice as long, up to thirty seconds', () => {
  const circuit = new CircuitBreaker();
  for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    circuit.failed();
    expect(circuit.waitsFor()).toBe(pause);
    vi.advanceTimersByTime(pause - 1);
    expect(circuit.allowance(many)).toBe(0);
    vi.advanceTimersByTime(1);
    expect([circuit.allowance(many), circuit.waitsFor()]).toEqual([1, 0]);
  }
  circuit.succeeded();
  expect(circuit.allowance(many)).toBe(many);
  for (let count = 0; count < 5; count += 1) circuit.failed();
  expect(circuit.waitsFor()).toBe(1_000);
});

test('leads that were in flight when a pause began do not make it longer', () => {
  const circuit = proven();
  for (let count = 0; count < 12; count += 1) circuit.failed();
  expect(circuit.waitsFor()).toBe(1_000);
});

test('a dialler that asks to be left alone is, after a single failure too, and never for less than the pause', () => {
  const circuit = proven();
  circuit.failed(60_000);
  expect([circuit.allowance(many), circuit.waitsFor()]).toEqual([0, 60_000]);
  vi.advanceTimersByTime(60_000);
  expect(circuit.allowance(many)).toBe(many);
  const fresh = new CircuitBreaker();
  fresh.failed(10);
  expect(fresh.waitsFor()).toBe(1_000);
});

test('after an operator has resumed the delivery it begins again with one lead', () => {
  const circuit = proven();
  circuit.failed(60_000);
  circuit.beginAgain();
  expect([circuit.allowance(many), circuit.waitsFor()]).toEqual([1, 0]);
  circuit.failed();
  expect(circuit.waitsFor()).toBe(1_000);
});
