/** `docs/configuration.md`, made from the schemas and from `.env.example`. */
import type { Group, Section } from './settings.ts'

const HEAD = `# Settings

Each is read from the environment, from \`.env\` in \`SWITCHBOARD_HOME\` and from \`.env\` in the checkout; the first that has a value wins. A value that
cannot be used is refused at the start, all of them together, by name. After a change: \`npm run restart\`.

This page is made from the schemas that read the settings and from \`.env.example\`; \`npm run docs\` writes it.
`

/** A text as a cell: a bar would end it, and angle brackets would be taken for HTML. */
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('<', '&lt;')

const rowsOf = ({ text, settings }: Group): string[] =>
  settings.map(({ name, fallback, readers, kind }, index) => {
    const about = index === 0 ? text : '(see above)'
    const value = fallback === '' ? 'none' : `\`${fallback}\``
    return `| \`${name}\` | ${cell(value)} | ${cell(kind)} | ${readers.join(', ')} | ${cell(about)} |`
  })

export const renderConfiguration = (sections: readonly Section[]): string =>
  [
    HEAD,
    ...sections.flatMap(({ title, groups }) => [
      `## ${title}\n`,
      '| setting | default | must be | read by | |',
      '|---|---|---|---|---|',
      ...groups.flatMap(rowsOf),
      '',
    ]),
  ].join('\n')
