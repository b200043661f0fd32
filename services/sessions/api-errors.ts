/**
 * What the user is told when the CLI reports an error: its own words, and what to do. The words are those that CLI 2.1.197
 * and 2.1.330 were seen to use (`claude-cli.md` 3).
 */

const LOGIN = 'Log in again (run `claude` in a terminal on that machine), or set ANTHROPIC_API_KEY, and send the message again.'

/** The first that matches says what to do. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [
    /not logged in|please run \/login|invalid api key|authentication_error|oauth token|failed to authenticate|does not have access to claude|\b401\b|\b403\b/i,
    LOGIN,
  ],
  [/credit balance is too low|billing/i, 'Add credit to the account at console.anthropic.com, then send the message again.'],
  [/hit your .*limit|usage limit/i, 'The subscription is used up for now: send the message again after the reset.'],
  [/\b429\b|rate.?limit/i, 'The API refuses more requests for now: wait a minute, then send the message again.'],
  [/overloaded|\b529\b/i, 'The model is overloaded: wait a minute, then send the message again.'],
  [
    /prompt is too long|context (window|limit)/i,
    'The conversation has become too long: send /compact to shorten it, or /clear to begin anew.',
  ],
  [/output token maximum/i, 'The answer is longer than the model may make it: ask for it in parts.'],
  [/request too large|\b413\b/i, 'The message is too large for the API: send it in parts.'],
  [
    /issue with the selected model|model_not_found|\b404\b/i,
    'Set CLAUDE_MODEL to a model that this account may use, and restart.',
  ],
  [/usage policy|unable to respond to this request/i, 'Ask in other words, or send /clear to begin anew.'],
  [
    /unable to connect|connectionrefused|connection error|timed out|econn|enotfound|fetch failed/i,
    'The API cannot be reached: look at the network and at ANTHROPIC_BASE_URL, then send the message again.',
  ],
  [
    /\b5\d\d\b|server-side|internal server error/i,
    'The API had an error of its own: wait a minute, then send the message again.',
  ],
  [/max.?turns|max.?budget/i, 'A limit of this installation ended the work: send a message to go on.'],
]

/** The CLI's words and what to do, as one paragraph. The conversation stays usable after any of these. */
export const explain = (words: string): string => {
  const advice =
    ADVICE.find(([pattern]) => pattern.test(words))?.[1] ?? 'The conversation is kept: send the message again, or another one.'
  return `${words.trim()}\n${advice}`
}
