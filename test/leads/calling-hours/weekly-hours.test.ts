import { expect, test } from 'vitest';
import { parseHolidayFile } from '../../../src/leads/calling-hours/holidays.ts';
import { normaliseWeeklyHours, parseWeeklyHours } from '../../../src/leads/calling-hours/weekly-hours.ts';

test('weekly hours list days and times, and a range of days may cross the end of the week', () => {
  const weekly = parseWeeklyHours('Mon-Fri 09:00-20:00, Sat-Sun 10:00-16:00');
  expect(weekly.map((spans) => spans.length)).toEqual([1, 1, 1, 1, 1, 1, 1]);
  expect(weekly[5]).toEqual([{ start: 600, end: 960 }]);
  expect(parseWeeklyHours('Sat-Mon 00:00-24:00').map((spans) => spans.length)).toEqual([1, 0, 0, 0, 0, 1, 1]);
});

test('hours that cross midnight are part of the next day', () => {
  expect(parseWeeklyHours('Sun 22:00-02:00')).toEqual([
    [{ start: 0, end: 120 }],
    ...Array.from({ length: 5 }, () => []),
    [{ start: 1_320, end: 1_440 }],
  ]);
});

test('other notations are stored in one', () => {
  expect(normaliseWeeklyHours(' monday – FRI 9:00–20:00 ,Sat 10:00 - 16:00')).toBe(
    'Mon-Fri 09:00-20:00, Sat 10:00-16:00',
  );
});

test.each([
  ['', 'The calling hours "" have an empty part. Write them like "Mon-Fri 09:00-20:00, Sat 10:00-16:00".'],
  [
    'Mon-Fri 09:00-20:00,',
    'The calling hours "Mon-Fri 09:00-20:00," have an empty part. Write them like "Mon-Fri 09:00-20:00, Sat 10:00-16:00".',
  ],
  [
    '9 to 5',
    'The calling hours "9 to 5" are not days and times. Write them like "Mon-Fri 09:00-20:00, Sat 10:00-16:00".',
  ],
  ['Mon-Fri 9-17', '"9" is not a time of day. Use 00:00 to 24:00, such as 09:30.'],
  ['Mon 09:00-25:00', '"25:00" is not a time of day. Use 00:00 to 24:00, such as 09:30.'],
  ['Mon 09:60-20:00', '"09:60" is not a time of day. Use 00:00 to 24:00, such as 09:30.'],
  ['Mon 24:00-02:00', 'Calling hours cannot start at 24:00. Use 00:00.'],
  ['Mo-Fr 09:00-20:00', '"Mo" is not a weekday. Use Mon, Tue, Wed, Thu, Fri, Sat, Sun.'],
  [
    'Mon 09:00-09:00',
    'The calling hours "Mon 09:00-09:00" end when they start. For a whole day, use 00:00-24:00.',
  ],
  ['Mon-Fri 09:00-20:00, Fri 10:00-16:00', 'The calling hours of Fri overlap. List each time of a day once.'],
  ['Sun 22:00-02:00, Mon 01:00-03:00', 'The calling hours of Mon overlap. List each time of a day once.'],
])('rejects %j', (text, message) => {
  expect(() => parseWeeklyHours(text)).toThrow(message);
});

test('a file of holidays has one date on each line, and comments', () => {
  const file = '\ufeff# England\r\n2026-12-25 Christmas Day\r\n\r\n2026-12-28,Boxing Day\n2026-12-25\n';
  expect(parseHolidayFile(file)).toEqual(['2026-12-25', '2026-12-28']);
});

test.each(['25/12/2026', '2026-02-30', '2026-12-25x', '20261225'])('rejects the holiday %j', (line) => {
  expect(() => parseHolidayFile(`2026-12-25\n${line}\n`)).toThrow(
    'Line 2 of the holidays is not a date. Write one date on each line, such as "2026-12-25 Christmas Day".',
  );
});
