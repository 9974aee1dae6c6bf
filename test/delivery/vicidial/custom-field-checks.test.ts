/** What a custom field has stored shows which values it can hold. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { CustomFieldChecks } from '../../../src/delivery/diallers/vicidial/custom-field-checks.ts';

const check = (checks: CustomFieldChecks, value: string, field = 'make') => ({
  accepts: checks.accepts('1001', field, value),
  isChecked: checks.isChecked('1001', field, value),
});

test('a value of an unknown field is accepted, and must be checked', () => {
  expect(check(new CustomFieldChecks(), 'Ford')).toEqual({ accepts: true, isChecked: false });
});

test('a text that was stored stands for every shorter one, in any form', () => {
  const checks = new CustomFieldChecks();
  expect(checks.record('1001', 'make', 'Volkswagen', 'Volkswagen')).toBe(true);
  for (const value of ['Ford', '12', '2026-11-23', '']) {
    expect(check(checks, value)).toEqual({ accepts: true, isChecked: true });
  }
  expect(check(checks, 'Mercedes-Benz')).toEqual({ accepts: true, isChecked: false });
  expect(checks.isChecked('1001', 'model', 'Golf')).toBe(false);
  expect(checks.isChecked('1002', 'make', 'Ford')).toBe(false);
});

test('a date or a number that was stored stands for no text', () => {
  const checks = new CustomFieldChecks();
  checks.record('1001', 'built', '2026-11-23', '2026-11-23');
  checks.record('1001', 'doors', '12', '12');
  expect(check(checks, '2025-01-01', 'built')).toEqual({ accepts: true, isChecked: true });
  expect(check(checks, 'spring', 'built')).toEqual({ accepts: true, isChecked: false });
  expect(check(checks, '5', 'doors')).toEqual({ accepts: true, isChecked: true });
  expect(check(checks, 'x', 'doors')).toEqual({ accepts: true, isChecked: false });
});

test('a value that was cut is not accepted in its length or longer', () => {
  const checks = new CustomFieldChecks();
  expect(checks.record('1001', 'make', 'Volkswagen', 'Volks')).toBe(false);
  expect(check(checks, 'Skoda')).toEqual({ accepts: true, isChecked: false });
  expect(check(checks, 'Toyota').accepts).toBe(false);
});

test.each([
  ['spring', '0000-00-00'],
  ['Ford', ''],
  ['five', '0'],
])('a field that stores %j as %j accepts no value of its form', (value, stored) => {
  const checks = new CustomFieldChecks();
  expect(checks.record('1001', 'make', value, stored)).toBe(false);
  expect(check(checks, 'x').accepts).toBe(false);
  expect(check(checks, '2026-11-23').accepts).toBe(true);
});

test('a value that is stored in another notation is not lost', () => {
  const checks = new CustomFieldChecks();
  expect(checks.record('1001', 'make', 'Ford', 'Rm9yZA==')).toBe(true);
});

test('a value that was lost is tried again after ten minutes, because the field may have been created', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const checks = new CustomFieldChecks();
  checks.record('1001', 'make', 'Ford', '');
  vi.advanceTimersByTime(600_000);
  expect(check(checks, 'Ford').accepts).toBe(false);
  vi.advanceTimersByTime(1);
  expect(check(checks, 'Ford')).toEqual({ accepts: true, isChecked: false });
  checks.record('1001', 'make', 'Ford', 'Ford');
  expect(check(checks, 'Ford')).toEqual({ accepts: true, isChecked: true });
});

test('remembers a limited number of fields, because partners choose their names', () => {
  const checks = new CustomFieldChecks();
  checks.record('1001', 'make', 'Ford', 'Ford');
  for (let index = 0; index < 2_000; index += 1) checks.record('1001', `m${index}`, 'x', 'x');
  expect(checks.isChecked('1001', 'make', 'Ford')).toBe(false);
  expect(checks.isChecked('1001', 'm1999', 'x')).toBe(true);
});
