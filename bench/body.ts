/** Reads the body of an HTTP response off a socket, without the cost of a whole client: what is measured is the server. */

/** Cuts what a socket receives into head, and lines of a chunked body. Bodies are told as Latin-1: benches send ASCII. */
export class BodyReader {
  readonly #onLine: (line: string) => void
  #state: 'head' | 'size' | 'data' | 'gap' | 'end' = 'head'
  #raw = ''
  #left = 0
  #line = ''
  head = ''

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  /** The body has come to its clean end. */
  get isEnded(): boolean {
    return this.#state === 'end'
  }

  get status(): number {
    return Number(this.head.slice(9, 12))
  }

  push(bytes: Buffer): void {
    this.#raw += bytes.toString('latin1')
    while (this.#step());
  }

  #step(): boolean {
    if (this.#state === 'head') {
      const end = this.#raw.indexOf('\r\n\r\n')
      if (end < 0) return false
      this.head = this.#raw.slice(0, end)
      this.#raw = this.#raw.slice(end + 4)
      const length = /\r\ncontent-length: *(\d+)/i.exec(this.head)?.[1]
      if (length !== undefined) throw new Error(`no stream came but ${this.head.split('\r\n')[0]} ${this.#raw}`)
      this.#state = 'size'
      return true
    }
    if (this.#state === 'size') {
      const end = this.#raw.indexOf('\r\n')
      if (end < 0) return false
      this.#left = Number.parseInt(this.#raw.slice(0, end), 16)
      this.#raw = this.#raw.slice(end + 2)
      this.#state = this.#left === 0 ? 'end' : 'data'
      return true
    }
    if (this.#state === 'data') {
      if (this.#raw.length < this.#left) return false
      this.#lines(this.#raw.slice(0, this.#left))
      this.#raw = this.#raw.slice(this.#left)
      this.#state = 'gap'
      return true
    }
    // The line end behind a chunk may come together with the next chunk: who waits for it is one chunk late.
    if (this.#state === 'gap' && this.#raw.length >= 2) {
      this.#raw = this.#raw.slice(2)
      this.#state = 'size'
      return true
    }
    return false
  }

  #lines(text: string): void {
    const parts = (this.#line + text).split('\n')
    this.#line = parts.pop() ?? ''
    for (const part of parts) if (part !== '') this.#onLine(part)
  }
}
