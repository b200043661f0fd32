/**
 * A stand-in of Ollama on 127.0.0.1, as far as embedding goes (docs of Ollama: `POST /api/embed`, `GET /api/version`). How it
 * behaves may be changed at any moment; it may be stopped and started again on the same port.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/**
 * - `ok`: by the rules; `missing`: the model is not there; `hang`: no answer to an embedding; `reset`: the connection is cut;
 * - `no_json`, `no_vectors`, `too_few`, `not_numbers`, `zeros`, `endless`: garbage of several kinds;
 * - a number: that HTTP status.
 */
export type OllamaBehaviour =
  | 'ok'
  | 'missing'
  | 'hang'
  | 'reset'
  | 'no_json'
  | 'no_vectors'
  | 'too_few'
  | 'not_numbers'
  | 'zeros'
  | 'endless'
  | number

/** An embedding as it was asked for. */
export interface OllamaCall {
  readonly model: string
  readonly input: readonly string[]
  readonly keep_alive: unknown
  readonly authorization: string | undefined
}

export interface OllamaFake {
  readonly url: string
  readonly calls: OllamaCall[]
  behaviour: OllamaBehaviour
  dimensions: number
  /** A text that holds it is refused with 400, and the whole batch with it. */
  poison: string | null
  /** Held back until it settles. */
  gate: Promise<void> | null
  /** The most embeddings that were being made at one time. */
  readonly most: number
  stop(): Promise<void>
  start(): Promise<void>
}

/** Each word pushes the vector in a direction of its own, so that texts with common words are near each other. Length 1. */
export const vectorFor = (text: string, dimensions: number): Float32Array => {
  const sum = new Float64Array(dimensions)
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    let state = 2166136261
    for (const character of word) state = Math.imul(state ^ (character.codePointAt(0) ?? 0), 16777619)
    for (let at = 0; at < dimensions; at++) {
      state = Math.imul(state ^ (state >>> 15), 2246822519) + 374761393
      sum[at] = (sum[at] ?? 0) + ((state >>> 8) & 0xffff) / 32768 - 1
    }
  }
  const length = Math.hypot(...sum)
  return Float32Array.from(sum, (value) => value / length)
}

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}

const json = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
}

class Fake implements OllamaFake {
  readonly calls: OllamaCall[] = []
  behaviour: OllamaBehaviour = 'ok'
  dimensions = 768
  poison: string | null = null
  gate: Promise<void> | null = null
  most = 0
  #open = 0
  #port = 0
  #server: Server | undefined
  readonly #sockets = new Set<Socket>()

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const server = createServer((request, response) => {
      // A caller that went away cannot be answered.
      this.#serve(request, response).catch((error: Error) => response.destroy(error))
    })
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(this.#port, '127.0.0.1', resolve)
    })
    this.#port = (server.address() as AddressInfo).port
    this.#server = server
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = new Promise<void>((resolve) => server.close(() => resolve()))
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request)
    if (request.method === 'GET' && request.url === '/api/version') return json(response, 200, { version: '0.0.0' })
    if (request.method !== 'POST' || request.url !== '/api/embed') return json(response, 404, { error: 'not found' })
    const { model, input, keep_alive } = JSON.parse(body) as { model: string; input: string[]; keep_alive: unknown }
    this.calls.push({ model, input, keep_alive, authorization: request.headers.authorization })
    this.#open += 1
    this.most = Math.max(this.most, this.#open)
    try {
      await this.gate
      this.#answer(response, model, input)
    } finally {
      this.#open -= 1
    }
  }

  #answer(response: ServerResponse, model: string, input: readonly string[]): void {
    const { behaviour } = this
    const vectors = input.map((text) => [...vectorFor(text, this.dimensions)])
    if (behaviour === 'hang') return
    if (behaviour === 'reset') return void response.socket?.resetAndDestroy()
    if (typeof behaviour === 'number') return void response.writeHead(behaviour).end('something went wrong')
    if (behaviour === 'missing') return json(response, 404, { error: `model "${model}" not found, try pulling it first` })
    if (behaviour === 'no_json') return void response.writeHead(200).end('<html>hello</html>')
    if (behaviour === 'no_vectors') return json(response, 200, { models: [] })
    if (behaviour === 'too_few') return json(response, 200, { embeddings: vectors.slice(1) })
    if (behaviour === 'not_numbers') return json(response, 200, { embeddings: input.map(() => ['a', null]) })
    if (behaviour === 'zeros') return json(response, 200, { embeddings: input.map(() => [0, 0, 0]) })
    if (behaviour === 'endless') return this.#pour(response)
    if (this.poison !== null && input.some((text) => text.includes(this.poison as string)))
      return json(response, 400, { error: 'the input length exceeds the context length' })
    json(response, 200, { model, embeddings: vectors })
  }

  #pour(response: ServerResponse): void {
    const piece = ' '.repeat(64 * 1024)
    const pour = (): void => {
      while (!response.destroyed && response.write(piece));
    }
    response.on('drain', pour)
    pour()
  }
}

/** Starts one on a free port; to be stopped by who started it. */
export const startOllama = async (): Promise<OllamaFake> => {
  const fake = new Fake()
  await fake.start()
  return fake
}
