/** Puts a text where it can be pasted from; false where there is no clipboard, as without a secure address. */
export const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    // Refused, or not there: whoever asks shows the text in another way.
    return false
  }
}
