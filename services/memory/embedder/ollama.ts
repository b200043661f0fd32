/** Vectors from Ollama. What it answers is believed only when it has the shape of an answer. */
import { Ollama } from 'ollama'
import { takeLogin } from '../../runtime/login-url.ts'
import { toUnit } from '../../runtime/retrieval/signs.ts'
import { cutToTokens } from './reading.ts'

export type Fault = 'absent' | 'silent' | 'missing' | 'garbage' | 'refused'

/** Why Ollama gave no vectors. The message is for people, and names no address that could hold a password. */
export class OllamaError extends Error {
  override readonly name = 'OllamaError'
  readonly fault: Fault

  constructor(fault: Fault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.fault = fault
  }
}

export interface OllamaVectors {
  readonly dimensions: number
  /** Of length 1; null where Ollama takes other texts and not this one. */
  readonly vectors: (Float32Array | null)[]
}

/** Ollama unloads a model after five minutes by itself, and the next question would pay seconds for it. */
const KEEP_ALIVE = '30m'

/** nomic-embed-text is run with 2,048 tokens by Ollama; its prefix and two marks need some. */
const WINDOW_TOKENS = 2_000

/** 64 vectors of 4,096 numbers are about 6 MB of JSON; whoever sends more is not Ollama. */
const MAX_ANSWER_BYTES = 32 * 1024 * 1024

const MAX_DIMENSIONS = 16_384

/** nomic-embed-text was trained with these; models that were not read two words more. */
const PREFIX = { document: 'search_document: ', query: 'search_query: ' }

/** Whether it takes any text at all. */
const CONTROL = 'The quick brown fox'

const readAll = async (response: Response): Promise<Buffer> => {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    size += (piece as Uint8Array).byteLength
    if (size > MAX_ANSWER_BYTES) throw new OllamaError('garbage', 'Ollama answered more than any vectors can be')
    pieces.push(piece as Uint8Array)
  }
  return Buffer.concat(pieces)
}

export interface OllamaOptions {
  /** May hold a name and a password. */
  readonly base_url: string
  readonly model: string
}

export class OllamaModel {
  readonly #host: string
  readonly #headers: Record<string, string>
  readonly #model: string

  constructor({ base_url, model }: OllamaOptions) {
    const { address, headers } = takeLogin(base_url)
    this.#host = address
    this.#headers = { ...headers }
    this.#model = model
  }

  /**
   * Vectors of texts, none of them empty, all of one length. Throws {@link OllamaError}, and the signal's reason when that
   * comes first.
   */
  async embed(texts: readonly string[], kind: 'document' | 'query', signal: AbortSignal): Promise<OllamaVectors> {
    const input = texts.map((text) => PREFIX[kind] + cutToTokens(text, WINDOW_TOKENS))
    try {
      return await this.#ask(input, signal)
    } catch (error) {
      if (!(error instanceof OllamaError && error.fault === 'refused')) throw error
      return await this.#askSingly(input, signal)
    }
  }

  /** Whether it is there at all, without having it load a model. Throws as {@link embed} does. */
  async greet(signal: AbortSignal): Promise<void> {
    try {
      await this.#client(signal).version()
    } catch (error) {
      throw this.#toError(error, signal)
    }
  }

  /** One text that it cannot take must not keep the others from their vectors: each alone, and a harmless one for comparison. */
  async #askSingly(input: readonly string[], signal: AbortSignal): Promise<OllamaVectors> {
    const { dimensions } = await this.#ask([CONTROL], signal)
    const vectors: (Float32Array | null)[] = []
    for (const text of input) {
      try {
        const answer = await this.#ask([text], signal)
        if (answer.dimensions !== dimensions) throw new OllamaError('garbage', 'Ollama answered vectors of different lengths')
        vectors.push(...answer.vectors)
      } catch (error) {
        if (!(error instanceof OllamaError && error.fault === 'refused')) throw error
        vectors.push(null)
      }
    }
    return { dimensions, vectors }
  }

  async #ask(input: string[], signal: AbortSignal): Promise<OllamaVectors> {
    let answer: unknown
    try {
      answer = await this.#client(signal).embed({ model: this.#model, input, truncate: true, keep_alive: KEEP_ALIVE })
    } catch (error) {
      throw this.#toError(error, signal)
    }
    return this.#read(answer, input.length)
  }

  #toError(error: unknown, signal: AbortSignal): unknown {
    if (error instanceof OllamaError) return error
    if (signal.aborted) return signal.reason
    if (error instanceof SyntaxError) return new OllamaError('garbage', 'Ollama answered what is no JSON', error)
    return new OllamaError('absent', `Ollama does not answer at ${this.#host}: start it with: ollama serve`, error)
  }

  #read(answer: unknown, count: number): OllamaVectors {
    const rows = (answer as { embeddings?: unknown } | null)?.embeddings
    if (!Array.isArray(rows) || rows.length !== count)
      throw new OllamaError('garbage', `Ollama answered no list of ${count} vectors`)
    const dimensions = Array.isArray(rows[0]) ? rows[0].length : 0
    const vectors = rows.map((row: unknown) => {
      const isVector = Array.isArray(row) && row.length === dimensions && row.every((value) => typeof value === 'number')
      const unit = isVector ? toUnit(row as number[]) : null
      if (unit === null) throw new OllamaError('garbage', 'Ollama answered what is no vector')
      return unit
    })
    if (dimensions < 1 || dimensions > MAX_DIMENSIONS)
      throw new OllamaError('garbage', `Ollama answered vectors of ${dimensions} dimensions`)
    return { dimensions, vectors }
  }

  /** The package heeds no signal here and writes faults of the server to the console; so both are dealt with below it. */
  #client(signal: AbortSignal): Ollama {
    const ask: typeof fetch = async (input, init) => {
      const response = await fetch(input, { ...init, signal })
      const body = await readAll(response)
      if (response.ok) return new Response(body, { status: 200, headers: { 'content-type': 'application/json' } })
      if (response.status === 404)
        throw new OllamaError('missing', `Ollama has no model ${this.#model}: get it with: ollama pull ${this.#model}`)
      if (response.status === 401 || response.status === 403)
        throw new OllamaError('absent', `Ollama answered ${response.status}: OLLAMA_BASE_URL needs a name and a password`)
      throw new OllamaError('refused', `Ollama answered ${response.status}`)
    }
    return new Ollama({ host: this.#host, headers: this.#headers, fetch: ask })
  }
}
