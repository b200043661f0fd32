/** What a turn is at, in one line: what a client shows while it waits for the answer. */

/** An event of a turn, as `GET /api/gateway/turns/{turn_id}/events` tells it. */
export interface TurnNews {
  readonly type: string
  readonly [field: string]: unknown
}

const WORDS_MAX = 160

const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** The end of a text, from the beginning of a word. */
const lastWords = (text: string): string => {
  const line = oneLine(text)
  return line.length <= WORDS_MAX ? line : `…${line.slice(-WORDS_MAX).replace(/^\S*\s/, '')}`
}

const firstWords = (text: string): string => {
  const line = oneLine(text)
  return line.length <= WORDS_MAX ? line : `${line.slice(0, WORDS_MAX)}…`
}

export class Activity {
  #line = 'Sent; waiting for the agent'
  #text = ''

  get line(): string {
    return this.#line
  }

  /** Takes an event in. True where a client should hear of it at once, not with the next sign of life. */
  note(news: TurnNews): boolean {
    const word = (field: string): string => String(news[field] ?? '')
    switch (news.type) {
      case 'queued':
        this.#line = Number(news.ahead) > 0 ? `Waiting, ${news.ahead} ahead` : 'Waiting'
        return true
      case 'running':
        this.#line = 'The agent has the message'
        return true
      case 'thinking':
        this.#line = 'Thinking'
        return false
      case 'text':
      case 'replaced':
        this.#text = (news.type === 'text' ? this.#text : '').concat(word('content')).slice(-4 * WORDS_MAX)
        this.#line = `Writing: ${lastWords(this.#text)}`
        return false
      case 'tool_use':
        this.#line = `Running ${word('name')}: ${firstWords(word('input'))}`
        return true
      case 'approval':
        this.#line = `Waits for permission to use ${word('title')}: ${firstWords(word('input'))}`
        return true
      case 'retrying':
        this.#line = `The model does not answer (${firstWords(word('reason'))}); trying again`
        return true
      case 'notice':
        this.#line = firstWords(word('content'))
        return true
      default:
        return false
    }
  }
}
