const ECHO_LIMIT = 500

/** What the demo agent answers when no test scripts it: who it is, what it was told, and how to get the real one. */
export function demoReply(text: string, nth: number): string {
  const characters = [...text]
  const shown =
    characters.length > ECHO_LIMIT ? `${characters.slice(0, ECHO_LIMIT).join('')}… (${characters.length} characters)` : text
  return [
    `This is Switchboard's built-in demo agent, not Claude: no \`claude\` program was found on this machine.`,
    `You said: ${shown}`,
    `That was message ${nth} of this conversation, which I remember across restarts.`,
    'For real answers: install Claude Code (npm install -g @anthropic-ai/claude-code), run `claude` once to log in, then `npm start` again.',
  ].join('\n\n')
}

/** The pause between two words of it. */
export const DEMO_DELAY_MS = 15
