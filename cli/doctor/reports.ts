/** What the daily reports need: something that sets type, Chinese letters, and a way to send mail. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, findingsOf } from './finding.ts'
import type { Surroundings } from './surroundings.ts'

/** Where MacTeX puts it, which is looked for beside the PATH as the service does. */
const MACTEX = '/Library/TeX/texbin/xelatex'
const TYPST = 'reports are set by the built-in Typst'

const xelatexOf = (around: Pick<Surroundings, 'onPath'>): string | null =>
  around.onPath('xelatex') ?? (existsSync(MACTEX) ? MACTEX : null)

export const checkTypesetting = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn } = findingsOf('xelatex')
  const { REPORT_ENGINE: wanted = 'auto' } = around.environment
  if (wanted === 'typst') return ok(`${TYPST}, as REPORT_ENGINE says`)
  const program = xelatexOf(around)
  const install = 'apt-get install texlive-xetex texlive-lang-chinese, or MacTeX'
  if (program === null && wanted === 'xelatex')
    return warn(`REPORT_ENGINE asks for XeLaTeX, which is not there: ${TYPST}`, `${install}; or REPORT_ENGINE=auto`)
  if (program === null) return ok(`there is no XeLaTeX: ${TYPST}`, `Only if you prefer XeLaTeX: ${install}`)
  const answer = await around.run(program, ['--version'])
  if (answer?.code === 0) return ok(`reports are set by XeLaTeX (${answer.output.split('\n')[0]?.trim()})`)
  return warn(`${program} --version gave no answer: ${TYPST}`, 'Run it by hand to see why.')
}

/** XeLaTeX uses the fonts of the machine, Typst brings its own. macOS has Chinese ones always. */
export const checkFonts = async (around: Surroundings): Promise<Finding> => {
  const { ok, warn } = findingsOf('fonts')
  if (around.platform === 'darwin') return ok('those of macOS')
  if (around.environment.REPORT_ENGINE === 'typst' || xelatexOf(around) === null) return ok('the built-in Typst brings its own')
  const list = around.onPath('fc-list')
  const fonts = list === null ? null : await around.run(list, [':lang=zh', 'family'])
  if (fonts?.code === 0 && fonts.output.trim() !== '') return ok(`Chinese: ${fonts.output.split(/[\n,]/)[0]?.trim()}`)
  return warn('no font with Chinese letters was found', 'apt-get install fonts-noto-cjk (or fonts-wqy-microhei)')
}

export const checkMail = async (around: Surroundings): Promise<Finding> => {
  const { ok, fail } = findingsOf('mail')
  const address = around.environment.SMTP_URL
  if (address !== undefined) {
    // The address may hold a password: of it only the host is ever told.
    const url = URL.canParse(address) ? new URL(address) : null
    if (url !== null && /^smtps?:$/.test(url.protocol) && url.hostname !== '') return ok(`by SMTP through ${url.hostname}`)
    return fail('SMTP_URL is not an address', 'It looks like smtp://user:password@host:587, or smtps:// for port 465.')
  }
  if (around.platform === 'darwin' && existsSync('/System/Applications/Mail.app')) return ok('by Mail.app')
  return ok(`mails are kept as .eml files in ${join(around.settings.home, 'outbox')}`, 'To send them: SMTP_URL')
}
