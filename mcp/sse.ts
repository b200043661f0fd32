/** Reading Server-Sent Events. */

/** One event: its id, and its data lines joined. */
export interface SentEvent {
  readonly id: string
  readonly data: string
}

/** Longer lines are a fault of whoever sends them. */
const LINE_MAX = 64 * 1_048_576

/** The events of a body, in order. `onPart` is told of every piece that arrives, comments included. Throws when the body breaks. */
export async function* readEvents(body: ReadableStream<Uint8Array>, onPart: () => void): AsyncGenerator<SentEvent> {
  const decoder = new TextDecoder()
  let rest = ''
  let id = ''
  let data: string[] = []
  for await (const part of body as unknown as AsyncIterable<Uint8Array>) {
    onPart()
    const text = decoder.decode(part, { stream: true })
    rest += text
    if (rest.length > LINE_MAX) throw new Error('A line of the stream is too long')
    // A long line comes in many parts; it is looked at when it is whole.
    if (!text.includes('\n')) continue
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield { id, data: data.join('\n') }
        data = []
      } else if (line.startsWith('id: ')) id = line.slice(4)
      else if (line.startsWith('data: ')) data.push(line.slice(6))
    }
  }
}
