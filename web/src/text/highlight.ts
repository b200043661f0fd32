/** Colours for code, in the languages that people here mostly speak of. */
import hljs from 'highlight.js/lib/core'
import bash from 'highlight.js/lib/languages/bash'
import css from 'highlight.js/lib/languages/css'
import diff from 'highlight.js/lib/languages/diff'
import go from 'highlight.js/lib/languages/go'
import ini from 'highlight.js/lib/languages/ini'
import javascript from 'highlight.js/lib/languages/javascript'
import json from 'highlight.js/lib/languages/json'
import python from 'highlight.js/lib/languages/python'
import rust from 'highlight.js/lib/languages/rust'
import sql from 'highlight.js/lib/languages/sql'
import typescript from 'highlight.js/lib/languages/typescript'
import xml from 'highlight.js/lib/languages/xml'
import yaml from 'highlight.js/lib/languages/yaml'
import { sanitize } from './markdown.ts'

const LANGUAGES = { bash, css, diff, go, ini, javascript, json, python, rust, sql, typescript, xml, yaml }
for (const [name, grammar] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, grammar)

/** Longer code stays plain: colouring it would hold up the page. */
const MOST = 60_000

/** The code with its parts marked, or undefined where the language is not known. */
export const highlight = (code: string, language: string): DocumentFragment | undefined =>
  code.length > MOST || hljs.getLanguage(language) === undefined
    ? undefined
    : sanitize(hljs.highlight(code, { language, ignoreIllegals: true }).value)
