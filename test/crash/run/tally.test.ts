/** The count of a crash run: zeros for what is in order, and each fault under its own name. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Outcome } from './chats.ts'
import { makePlan } from './plan.ts'
import { type Evidence, type Fault, takeTally } from './tally.ts'

const plan = makePlan({ seed: 1, turns: 4, chats: 2, kills: 2, moments: ['any'], targets: ['agent'] })
const turns = plan.chats.flatMap((chat) => chat.turns.map((turn) => ({ turn, client: chat.client })))

const answered = ({ turn, client }: (typeof turns)[number]): Outcome => ({
  turn,
  client,
  sent_at: 1_000,
  ended_at: 2_000,
  answer: turn.answer,
  text: turn.answer,
  isWhole: true,
  turn_ids: [`turn-${turn.n}`],
  repeats: 0,
  problem: null,
})

/** A run in which all went well. */
const sound: Evidence = {
  plan,
  hits: plan.kills.map(({ n }) => ({ kill: n, at: 1_500, pids: [1], chat: 'nobody' })),
  outcomes: turns.map(answered),
  runs: turns.map(({ turn }) => ({ text: turn.message })),
  history: new Map(
    plan.chats.map((chat) => [
      chat.id,
      chat.turns.flatMap(({ message, answer }) => [
        { role: 'user', content: message },
        { role: 'assistant', content: answer },
      ]),
    ]),
  ),
  orphans: [],
}

const faultsOf = (evidence: Evidence): Partial<Record<Fault, number>> =>
  Object.fromEntries(Object.entries(takeTally(evidence).counts).filter(([, count]) => count !== 0))

const [first, ...others] = sound.outcomes as [Outcome, ...Outcome[]]
const withFirst = (change: Partial<Outcome>): Evidence => ({ ...sound, outcomes: [{ ...first, ...change }, ...others] })
const withHistory = (rows: (all: { role: string; content: string }[]) => { role: string; content: string }[]): Evidence => ({
  ...sound,
  history: new Map([...sound.history].map(([id, all]) => [id, id === first.turn.chat ? rows([...all]) : all])),
})
const answer = first.turn.answer

test('crash tally - a run in which all went well has no fault', () => {
  assert.deepEqual(faultsOf(sound), {})
  assert.equal(takeTally(sound).answered, 4)
})

test('crash tally - every fault is counted under its name', () => {
  assert.deepEqual(faultsOf({ ...sound, hits: sound.hits.slice(1) }), { 'kills not hit': 1 })
  assert.deepEqual(faultsOf(withFirst({ answer: null, problem: 'no end' })), { 'turns lost': 1 })
  assert.deepEqual(faultsOf(withFirst({ turn_ids: ['a', 'b'] })), { 'turns doubled': 1 })
  assert.deepEqual(faultsOf({ ...sound, runs: [...sound.runs, { text: first.turn.message }] }), { 'turns run twice': 1 })
  assert.deepEqual(faultsOf({ ...sound, runs: sound.runs.slice(1) }), { 'turns lost': 1 }, 'answered though nobody ran it')
  assert.deepEqual(faultsOf(withFirst({ text: answer.replace(' t1', '') })), { 'tokens lost': 1 })
  assert.deepEqual(faultsOf(withFirst({ text: `${answer} t1` })), { 'tokens doubled': 1 })
  assert.deepEqual(faultsOf(withFirst({ text: '', isWhole: false })), {}, 'the answer came by another way')
  assert.deepEqual(faultsOf(withHistory((all) => all.slice(1))), { 'history rows missing': 1 })
  assert.deepEqual(faultsOf(withHistory((all) => [...all, { role: 'assistant', content: answer }])), {
    'history rows doubled': 1,
  })
  assert.deepEqual(faultsOf({ ...sound, orphans: ['1 sleep'] }), { orphans: 1 })
})

test('crash tally - a turn may be interrupted by the kill of its agent, and by nothing else', () => {
  const told = '[ERROR] Claude was interrupted (its process ended with status 137).'
  const rows = (all: { role: string; content: string }[]) =>
    all.map((row) => (row.content === answer ? { ...row, content: told } : row))
  const interrupted = { ...withHistory(rows), outcomes: [{ ...first, answer: told, text: 'x' }, ...others] }
  assert.deepEqual(faultsOf(interrupted), { 'turns lost': 1 })
  const [hit, ...more] = sound.hits as [(typeof sound.hits)[number]]
  const explained = { ...interrupted, hits: [{ ...hit, chat: first.turn.chat }, ...more] }
  assert.deepEqual(faultsOf(explained), {})
  assert.equal(takeTally(explained).interrupted, 1)
  assert.equal(takeTally(explained).killed_in_turn, 1)
})

test('crash plan - the same seed gives the same plan, another one another', () => {
  const options = { seed: 7, turns: 30, chats: 8, kills: 15 }
  assert.deepEqual(makePlan(options), makePlan(options))
  assert.notDeepEqual(makePlan(options).kills, makePlan({ ...options, seed: 8 }).kills)
  const messages = makePlan(options).chats.flatMap((chat) => chat.turns.map(({ message }) => message))
  assert.equal(new Set(messages).size, 30)
})
