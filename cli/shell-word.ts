/** A word of a command line for a shell, in lines that somebody copies or that a shell reads. */

const PLAIN = /^[\w@%+=:,./-]+$/

/** The text as one word: as it is where no shell would read it otherwise, else in quotes. */
export const shellWord = (text: string): string => (PLAIN.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
