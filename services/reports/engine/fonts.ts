/** The fonts that come with Switchboard: the same for both typesetters, so that a paper looks alike wherever it is made. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { packageRoot } from '../../runtime/package-root.ts'

const PACKAGES = 'node_modules/@expo-google-fonts'

const FILES: Readonly<Record<string, string>> = {
  'fonts/text-regular.ttf': 'noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf',
  'fonts/text-bold.ttf': 'noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf',
  'fonts/emoji.ttf': 'noto-emoji/400Regular/NotoEmoji_400Regular.ttf',
}

/** Families for Typst, first choice first: ours, then what macOS and Debian have. */
export const FAMILIES = [
  'Noto Sans SC',
  'Noto Emoji',
  'PingFang SC',
  'Heiti SC',
  'Noto Sans CJK SC',
  'WenQuanYi Micro Hei',
  'DejaVu Sans',
  'Apple Symbols',
] as const

/** The font files that are there, by the name under which a template finds them. */
export const fontLinks = (): Record<string, string> => {
  const root = join(packageRoot(import.meta.url), PACKAGES)
  return Object.fromEntries(
    Object.entries(FILES)
      .map(([name, file]) => [name, join(root, file)] as const)
      .filter(([, file]) => existsSync(file)),
  )
}
