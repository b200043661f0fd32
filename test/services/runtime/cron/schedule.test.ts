import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Cron } from 'croner'
import { momentsAfter, type ScheduleError, scheduleOf } from '../../../../services/runtime/cron/schedule.ts'
import { dayStart, isZone, toLocalText, zoneOf } from '../../../../services/runtime/cron/zone.ts'
import fc from '../../../property.ts'

const NEW_YORK = 'America/New_York'
const at = (text: string): number => Date.parse(text)
const after = (expression: string, zone: string, from: string, count: number): string[] =>
  momentsAfter(scheduleOf(expression, zone), at(from), count).map((moment) => toLocalText(zoneOf(zone), moment))

test('schedule - weekdays count from Sunday as 0 and 7, and have names', () => {
  for (const sunday of ['0', '7', 'SUN', 'sun'])
    assert.deepEqual(after(`0 9 * * ${sunday}`, 'UTC', '2026-01-05T00:00:00Z', 1), ['2026-01-11T09:00:00+00:00'])
  for (const weekdays of ['1-5', 'mon-fri', 'MON,TUE,WED,THU,FRI'])
    assert.deepEqual(after(`0 9 * * ${weekdays}`, 'UTC', '2026-01-09T10:00:00Z', 1), ['2026-01-12T09:00:00+00:00'])
})

test('schedule - a day of the month and a weekday are joined by or', () => {
  assert.deepEqual(after('0 0 13 * 5', 'UTC', '2026-02-01T00:00:00Z', 4), [
    '2026-02-06T00:00:00+00:00',
    '2026-02-13T00:00:00+00:00',
    '2026-02-20T00:00:00+00:00',
    '2026-02-27T00:00:00+00:00',
  ])
})

test('schedule - seconds, steps, names of months and names of schedules', () => {
  assert.deepEqual(after('*/20 * * * * *', 'UTC', '2026-01-01T00:00:05Z', 2), [
    '2026-01-01T00:00:20+00:00',
    '2026-01-01T00:00:40+00:00',
  ])
  assert.deepEqual(after('0 0 1 feb-mar *', 'UTC', '2026-01-01T00:00:00Z', 2), [
    '2026-02-01T00:00:00+00:00',
    '2026-03-01T00:00:00+00:00',
  ])
  const names = {
    '@yearly': '0 0 1 1 *',
    '@annually': '0 0 1 1 *',
    '@monthly': '0 0 1 * *',
    '@weekly': '0 0 * * 0',
    '@daily': '0 0 * * *',
    '@midnight': '0 0 * * *',
    '@hourly': '0 * * * *',
  }
  for (const [name, same] of Object.entries(names))
    assert.deepEqual(
      after(` ${name.toUpperCase()} `, NEW_YORK, '2026-03-07T12:00:00Z', 30),
      after(same, NEW_YORK, '2026-03-07T12:00:00Z', 30),
      name,
    )
})

test('schedule - what cannot be read is refused with the reason and an example', () => {
  for (const expression of [
    '',
    'nonsense',
    '61 * * * *',
    '* * * *',
    '* * * * * * *',
    '*/0 * * * *',
    '5-1 * * * *',
    '* * 0 * *',
    '* * * 13 *',
    '* * * * 8',
    '1,,2 * * * *',
    '@reboot',
    '* * * * sunday',
  ])
    assert.throws(
      () => scheduleOf(expression, 'UTC'),
      (error: ScheduleError) =>
        error.field === 'cron_expression' && /is not a cron expression: .+; write for example "0 9/.test(error.message),
      expression,
    )
  for (const zone of ['Mars/Base', '+05:30', '../etc', 'UTC+8'])
    assert.throws(
      () => scheduleOf('* * * * *', zone),
      (error: ScheduleError) => error.field === 'timezone' && /"Asia\/Shanghai"/.test(error.message),
    )
  assert.equal(isZone('US/Pacific'), true)
})

test('schedule - an expression that fits no day never comes due, and is found out quickly', () => {
  const began = performance.now()
  assert.equal(scheduleOf('0 0 31 2 *', NEW_YORK).next(at('2026-01-01T00:00:00Z')), null)
  assert.ok(performance.now() - began < 500)
  assert.deepEqual(after('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z', 1), ['2028-02-29T00:00:00+00:00'])
})

test('schedule - a time that the clocks leap over comes due once, right behind the leap', () => {
  for (const expression of ['0 2 * * *', '30 2 * * *', '59 2 * * *', '*/5 2 * * *'])
    assert.deepEqual(
      after(expression, NEW_YORK, '2026-03-08T05:00:00Z', 2).slice(0, 2)[0],
      '2026-03-08T03:00:00-04:00',
      expression,
    )
  assert.deepEqual(after('*/30 2,3 * * *', NEW_YORK, '2026-03-08T05:00:00Z', 3), [
    '2026-03-08T03:00:00-04:00',
    '2026-03-08T03:30:00-04:00',
    '2026-03-09T02:00:00-04:00',
  ])
  // Over midnight, into the next day.
  assert.deepEqual(after('30 23 * * *', 'America/Nuuk', '2027-03-27T12:00:00Z', 2), [
    '2027-03-28T00:00:00-01:00',
    '2027-03-28T23:30:00-01:00',
  ])
})

test('schedule - a time that the clocks show twice comes due the first time only', () => {
  assert.deepEqual(after('30 1 * * *', NEW_YORK, '2026-11-01T04:00:00Z', 2), [
    '2026-11-01T01:30:00-04:00',
    '2026-11-02T01:30:00-05:00',
  ])
  // Asked between the two, and after the second.
  assert.deepEqual(after('30 1 * * *', NEW_YORK, '2026-11-01T05:45:00Z', 1), ['2026-11-02T01:30:00-05:00'])
  assert.deepEqual(after('*/20 1-2 * * *', NEW_YORK, '2026-11-01T05:30:00Z', 3), [
    '2026-11-01T01:40:00-04:00',
    '2026-11-01T02:00:00-05:00',
    '2026-11-01T02:20:00-05:00',
  ])
})

test('schedule - a rhythm goes on through both', () => {
  assert.deepEqual(after('*/30 * * * *', NEW_YORK, '2026-11-01T05:00:00Z', 5), [
    '2026-11-01T01:30:00-04:00',
    '2026-11-01T01:00:00-05:00',
    '2026-11-01T01:30:00-05:00',
    '2026-11-01T02:00:00-05:00',
    '2026-11-01T02:30:00-05:00',
  ])
  assert.deepEqual(after('30 * * * *', NEW_YORK, '2026-03-08T06:00:00Z', 2), [
    '2026-03-08T01:30:00-05:00',
    '2026-03-08T03:30:00-04:00',
  ])
  assert.equal(after('* * * * * *', NEW_YORK, '2026-11-01T05:59:59Z', 1)[0], '2026-11-01T01:00:00-05:00')
})

const zones = fc.constantFrom(
  NEW_YORK,
  'Europe/Berlin',
  'Australia/Lord_Howe',
  'Antarctica/Troll',
  'Africa/Casablanca',
  'Asia/Kolkata',
  'UTC',
)
const list = (min: number, max: number) =>
  fc.uniqueArray(fc.integer({ min, max }), { minLength: 1, maxLength: 3 }).map((values) => values.join(','))
const expressions = fc
  .tuple(
    fc.oneof(list(0, 59), fc.constant('*'), fc.constant('*/7')),
    fc.oneof(list(0, 23), fc.constant('*')),
    fc.oneof(list(1, 28), fc.constant('*')),
    fc.oneof(list(1, 12), fc.constant('*')),
    fc.oneof(list(0, 7), fc.constant('*')),
  )
  .map((fields) => fields.join(' '))
const instants = fc.integer({ min: Date.UTC(2024, 0, 1), max: Date.UTC(2031, 0, 1) })

test('schedule - the next moment always lies ahead, and the newest of the past are the same moments', () => {
  fc.assert(
    fc.property(expressions, zones, instants, (expression, zone, from) => {
      const schedule = scheduleOf(expression, zone)
      const moments = momentsAfter(schedule, from, 6)
      for (const [index, moment] of moments.entries()) assert.ok(moment > (moments[index - 1] ?? from))
      const until = moments.at(-1) ?? from
      assert.deepEqual(schedule.last(from + 1, until, 3), moments.slice(-3))
      assert.deepEqual(schedule.last(from + 1, until, 100), moments)
    }),
    { numRuns: 60 },
  )
})

test('schedule - without a change of the clocks another library finds the same moments', () => {
  fc.assert(
    fc.property(expressions, instants, (expression, from) => {
      const found = new Cron(expression, { timezone: 'UTC', paused: true })
        .nextRuns(4, new Date(from))
        .map((date) => date.getTime())
      assert.deepEqual(momentsAfter(scheduleOf(expression, 'UTC'), from, 4), found)
    }),
    { numRuns: 100 },
  )
})

test('zone - a day begins at midnight, or where that is leapt over, right behind it', () => {
  assert.equal(dayStart(zoneOf(NEW_YORK), at('2026-07-01T12:00:00Z')), at('2026-07-01T04:00:00Z'))
  assert.equal(dayStart(zoneOf('Africa/Cairo'), at('2026-04-24T12:00:00Z')), at('2026-04-23T22:00:00Z'))
})
