/** Messages as chats have them, made by dice that always fall alike: words by Zipf's law, vectors in clusters. */

export const DIMENSIONS = 768
const WORDS = 30_000
/** As a group chat has them: topics lie in fields, and a message has neighbours near and less near. */
const MESSAGES_PER_TOPIC = 50
const TOPICS_PER_FIELD = 20
const BOTS = 5
const CHATS = 200

/** Messages of one topic then have a cosine of about 0.7, of one field 0.35: about what the embedded model gives to real ones. */
const NOISE = 0.95

/** Numbers from 0 to 1, the same for the same seed (xorshift). */
export const dice = (seed: number): (() => number) => {
  let state = (seed * 2_654_435_761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state / 4_294_967_296
  }
}

const SYLLABLES = [
  'ba',
  'ce',
  'di',
  'fo',
  'gu',
  'ha',
  'je',
  'ki',
  'lo',
  'mu',
  'na',
  'pe',
  'ri',
  'so',
  'tu',
  'va',
  'we',
  'xi',
  'yo',
  'zu',
]

/** A word for each number, rare ones longer. */
const word = (index: number): string => {
  let text = ''
  for (let rest = index + 20; rest > 0; rest = Math.floor(rest / 20)) text += SYLLABLES[rest % 20]
  return text
}

/** Zipf: the word of rank r comes with a share of about 1 ÷ r. */
const zipf = (roll: () => number): number => Math.floor(WORDS ** roll()) - 1

const gauss = (roll: () => number): number => Math.sqrt(-2 * Math.log(1 - roll())) * Math.cos(2 * Math.PI * roll())

const cloud = (seed: number): Float32Array => {
  const roll = dice(seed)
  return Float32Array.from({ length: DIMENSIONS }, () => gauss(roll))
}

const topics = new Map<number, Float32Array>()
const topicVector = (topic: number): Float32Array => {
  const known = topics.get(topic)
  if (known !== undefined) return known
  const field = cloud(5_000_011 + Math.floor(topic / TOPICS_PER_FIELD))
  const made = cloud(1_000_003 + topic).map((value, index) => value + (field[index] as number))
  topics.set(topic, made)
  return made
}

/** Noise is costly to make: slices of one long row of it, each begun elsewhere, are as good. */
let noise: Float32Array | undefined
const noiseAt = (roll: () => number): Float32Array => {
  noise ??= cloudOf(2_000_000)
  const from = Math.floor(roll() * (noise.length - DIMENSIONS))
  return noise.subarray(from, from + DIMENSIONS)
}
const cloudOf = (length: number): Float32Array => {
  const roll = dice(77)
  return Float32Array.from({ length }, () => gauss(roll))
}

export interface Message {
  readonly id: number
  readonly text: string
  readonly unit: Float32Array
  readonly bot_id: string
  readonly scope: string
  readonly role: 'user' | 'assistant'
  readonly created_at: number
}

const unitNear = (topic: number, roll: () => number): Float32Array => {
  const middle = topicVector(topic)
  const around = noiseAt(roll)
  let square = 0
  const vector = middle.map((value, index) => {
    const made = value + NOISE * (around[index] as number)
    square += made * made
    return made
  })
  const length = Math.sqrt(square)
  return vector.map((value) => value / length)
}

const say = (topic: number, count: number, roll: () => number): string =>
  Array.from({ length: count }, () =>
    word(roll() < 0.2 ? 200 + ((topic * 10) % WORDS) + Math.floor(roll() * 10) : zipf(roll)),
  ).join(' ')

const topicOf = (size: number, roll: () => number): number => Math.floor((roll() * size) / MESSAGES_PER_TOPIC)

/** The message of a number, from 1, of so many. */
export const messageOf = (id: number, size: number): Message => {
  const roll = dice(id)
  roll()
  const topic = topicOf(size, roll)
  return {
    id,
    text: say(topic, 8 + Math.floor(roll() * 60), roll),
    unit: unitNear(topic, roll),
    bot_id: `bot${Math.floor(roll() * BOTS)}`,
    scope: `chat${Math.floor(roll() * CHATS)}`,
    role: roll() < 0.5 ? 'user' : 'assistant',
    created_at: 1_700_000_000_000 + id * 1_000,
  }
}

/** A question of a number: a few words, and a vector near some topic. */
export const questionOf = (id: number, size: number): { text: string; unit: Float32Array } => {
  const roll = dice(900_000_000 + id)
  roll()
  const topic = topicOf(size, roll)
  return { text: say(topic, 4 + Math.floor(roll() * 5), roll), unit: unitNear(topic, roll) }
}
