import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { ServiceError } from '../../../../protocol/errors.ts'
import { BotTokens } from '../../../../services/sessions/telegram/tokens.ts'
import { tempDir } from '../../../harness.ts'

const TOKEN = '12345:SECRET-token_of-bot'

test('tokens - are kept in files of their owner alone, under names that tell nothing', (t) => {
  const folder = path.join(tempDir(t), 'tokens')
  const tokens = new BotTokens(folder)
  const id = tokens.keep(TOKEN)
  assert.match(id, /^[0-9a-f]{24}$/)
  assert.equal(tokens.keep(TOKEN), id)
  assert.notEqual(tokens.keep('0:fake'), id)
  assert.equal(readdirSync(folder).length, 2)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  assert.equal(statSync(path.join(folder, id)).mode & 0o777, 0o600)
  assert.equal(readFileSync(path.join(folder, id), 'utf8'), TOKEN)
})

test('tokens - are there after a restart', (t) => {
  const folder = path.join(tempDir(t), 'tokens')
  const id = new BotTokens(folder).keep(TOKEN)
  const later = new BotTokens(folder)
  assert.equal(later.get(id), TOKEN)
  assert.equal(later.keep(TOKEN), id)
  assert.equal(later.get('0'.repeat(24)), null)
  assert.equal(later.get('../../etc/passwd'), null)
})

test('tokens - a folder that stood open is closed, a file that was tampered with is not believed', (t) => {
  const folder = tempDir(t)
  chmodSync(folder, 0o755)
  const id = new BotTokens(folder).keep(TOKEN)
  assert.equal(statSync(folder).mode & 0o777, 0o700)
  writeFileSync(path.join(folder, id), '1:other')
  assert.equal(new BotTokens(folder).get(id), null)
  assert.equal(new BotTokens(folder).keep(TOKEN), id)
  assert.equal(new BotTokens(folder).get(id), TOKEN)
})

test('tokens - what is no token is refused without repeating it', (t) => {
  const tokens = new BotTokens(path.join(tempDir(t), 'tokens'))
  for (const bad of ['', 'SECRET', '1:SECRET/../x', '1:SECRET x', 'a:SECRET', '1:SECRET\n', `1:${'SECRET'.repeat(100)}`]) {
    assert.throws(
      () => tokens.keep(bad),
      (error) => error instanceof ServiceError && error.code === 'invalid_input' && !error.message.includes('SECRET'),
      bad,
    )
  }
})
