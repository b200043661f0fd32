import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, isErrorCode, ServiceError, toPublicError } from '../../protocol/errors.ts'

test('errors - each code has a meaning, a status of HTTP and advice', () => {
  for (const [code, { meaning, status, retry }] of Object.entries(ERRORS)) {
    assert.match(code, /^[a-z]+(_[a-z]+)*$/)
    assert.match(meaning, /^[A-Z].{10,}[^.]$/)
    assert.ok(Number.isInteger(status) && status >= 400 && status <= 599, code)
    assert.ok(['never', 'later', 'after_reading'].includes(retry), code)
  }
})

test('errors - conditions that a caller must tell apart have codes of their own', () => {
  for (const code of ['unavailable', 'timeout', 'closing', 'cancelled', 'busy', 'low_memory']) assert.ok(isErrorCode(code), code)
})

test('errors - only own names of the table are codes', () => {
  for (const text of ['toString', 'constructor', '__proto__', '', 'INTERNAL', undefined, null, 7, {}])
    assert.equal(isErrorCode(text), false)
})

test('errors - an error has the meaning of its code where no message is given', () => {
  const error = new ServiceError('gone')
  assert.deepEqual(
    [error.name, error.message, error.data, 'cause' in error],
    ['ServiceError', ERRORS.gone.meaning, undefined, false],
  )
  const cause = new Error('why')
  assert.equal(new ServiceError('gone', 'text', { cause }).cause, cause)
})

test('errors - a full disk is called so, whoever has met it', () => {
  for (const code of ['SQLITE_FULL', 'ENOSPC', 'EDQUOT']) {
    const error = Object.assign(new Error('write /a/secret/path'), { code })
    const shown = toPublicError(error, [])
    assert.deepEqual([shown.code, shown.cause], ['low_disk', error])
    assert.match(shown.message, /^The disk is full.*make room/)
  }
})

test('errors - what leaves a service is declared, or of the wire, or internal without detail', () => {
  const declared = new ServiceError('not_found', 'no such chat', { data: { id: 1 } })
  assert.equal(toPublicError(declared, ['not_found']), declared)
  const wire = new ServiceError('closing')
  assert.equal(toPublicError(wire, []), wire)
  for (const error of [
    declared,
    new Error('/a/secret/path'),
    'text',
    undefined,
    { code: 'not_found', message: 'looks like one' },
  ]) {
    const shown = toPublicError(error, ['gone'])
    assert.deepEqual(
      [shown.code, shown.message, shown.data, shown.cause],
      ['internal', ERRORS.internal.meaning, undefined, error],
    )
  }
})
