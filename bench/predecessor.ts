/** What the predecessor did on a machine of the same kind, in a run of its own: to be looked at, not to be compared to the digit. */
export const PREDECESSOR: Readonly<Record<string, readonly string[]>> = {
  health: ['/api/health, 32 connections: 3,182 requests/s, p50 9.4 ms, p99 43 ms'],
  warm: [
    'send on one chat: p50 93 ms (about 15 ms without a TLS set-up that each request made and did not need)',
    'first token of a stream: 45 ms; each further token 0.040 ms',
  ],
  chats: ['32 chats at once: 9.4 sends/s (12.5 with 64 slots)'],
  memory: ['RSS 55 MB idle, 116 MB after 32 chats; it starts in 0.5 s'],
}
