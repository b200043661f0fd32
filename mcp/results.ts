/** Results as the predecessor's clients read them: JSON with an indent of two, a list as one text for each of its elements. */
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js'

const toText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value, null, 2))

/** The same as text and as structured content, in which a list, a text or null is called `result`. */
export const toResult = (value: unknown): CallToolResult => {
  if (Array.isArray(value))
    return { content: value.map((item) => ({ type: 'text', text: toText(item) })), structuredContent: { result: value } }
  const structuredContent = typeof value === 'object' && value !== null ? { ...value } : { result: value }
  return { content: [{ type: 'text', text: toText(value) }], structuredContent }
}

/** A failure. Without structured content, which would have to fit the schema of a success. */
export const toFailure = (error: string): CallToolResult => ({
  content: [{ type: 'text', text: toText({ error }) }],
  isError: true,
})
