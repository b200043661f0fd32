import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deliveryMethods } from '../../../../protocol/deliveries.ts'
import { ServiceError } from '../../../../protocol/errors.ts'
import { createDeliveryHandlers } from '../../../../services/sessions/telegram/service.ts'
import { checkLeaks } from '../../../harness.ts'
import { startDeliveries, TOKEN } from './rig.ts'

checkLeaks()

const CALL = { call_id: 'c', signal: new AbortController().signal }

test('delivery methods - a token is kept, a text delivered once, and its evidence fits the contract', async (t) => {
  const { house, texts, ended } = await startDeliveries(t)
  const handlers = createDeliveryHandlers(house)
  const { token_id } = await handlers.keep_token({ bot_token: TOKEN }, CALL)
  const text = { delivery_id: 'run:1', owner: 'run:1', bot_id: 'b', chat_id: '7', token_id, text: '**hi**' }
  assert.deepEqual(await handlers.deliver(text, CALL), {})
  assert.deepEqual(await handlers.deliver(text, CALL), {})
  await ended('run:1')
  assert.deepEqual(texts('7'), ['hi'])
  const delivery = await handlers.delivery({ delivery_id: 'run:1' }, CALL)
  assert.deepEqual(deliveryMethods.delivery.output.parse(delivery), delivery)
  const list = await handlers.list_deliveries({ limit: 10 }, CALL)
  assert.deepEqual(deliveryMethods.list_deliveries.output.parse(list), { deliveries: [delivery] })
  assert.ok(!JSON.stringify(list).includes(token_id))
})

test('delivery methods - what is not there is told', async (t) => {
  const { house } = await startDeliveries(t)
  const handlers = createDeliveryHandlers(house)
  const isNotFound = (error: unknown): boolean => error instanceof ServiceError && error.code === 'not_found'
  await assert.rejects(handlers.delivery({ delivery_id: 'none' }, CALL), isNotFound)
  const text = { delivery_id: 'd', owner: 'o', bot_id: 'b', chat_id: '7', token_id: 'unknown', text: 'x' }
  await assert.rejects(handlers.deliver(text, CALL), isNotFound)
  await assert.rejects(handlers.keep_token({ bot_token: 'SECRET' }, CALL), (error) => !String(error).includes('SECRET'))
  assert.deepEqual(await handlers.list_deliveries({ limit: 10 }, CALL), { deliveries: [] })
})
