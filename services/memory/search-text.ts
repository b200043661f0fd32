/** What of a memory is looked for: its content, and the words of its key, which often are the question. */

/** A key that a program made says nothing. */
const MADE_UP = /^[0-9a-f-]{16,}$/i

/** `wifi_password` and `hunter2` make `wifi password: hunter2`; the key `mem_17` adds nothing but `mem`. */
export const textOf = (key: string, content: string): string => {
  const words = MADE_UP.test(key) ? [] : (key.match(/\p{L}{2,}/gu) ?? [])
  return words.length === 0 ? content : `${words.join(' ')}: ${content}`
}
