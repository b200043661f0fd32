/** Answers of the functions: JSON, never kept by anybody unless it is said, never taken for a page. */

export const answer = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      ...headers,
    },
  })

/** The first words of what somebody else said, for a reason. */
export const firstWords = async (response: Response): Promise<string> => {
  const text = await response.text().catch(() => '')
  return text.replace(/\s+/g, ' ').trim().slice(0, 200)
}
