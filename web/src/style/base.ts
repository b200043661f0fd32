/** What every component's shadow root begins with: plain elements look as they should without a class. */
import { css } from 'lit'

export const base = css`
  *,
  *::before,
  *::after {
    box-sizing: border-box;
  }
  :host {
    display: block;
  }
  :host([hidden]),
  [hidden] {
    display: none !important;
  }
  h1,
  h2,
  h3,
  p,
  ul,
  ol,
  dl,
  dd,
  figure,
  pre {
    margin: 0;
  }
  ul,
  ol {
    padding: 0;
    list-style: none;
  }
  h1 {
    font-size: 20px;
    line-height: 1.3;
    font-weight: 650;
    letter-spacing: -0.01em;
  }
  h2 {
    font-size: 15px;
    line-height: 1.4;
    font-weight: 620;
  }
  h3 {
    font-size: 14px;
    font-weight: 620;
  }
  a {
    color: var(--accent);
    text-decoration: none;
  }
  a:hover {
    text-decoration: underline;
  }
  code,
  pre,
  .mono {
    font-family: var(--mono);
    font-size: 0.92em;
  }
  :focus-visible {
    outline: 2px solid var(--accent);
    outline-offset: 2px;
  }
  button {
    font: inherit;
    color: inherit;
    cursor: pointer;
  }
  .button,
  button.plain,
  button.primary,
  button.danger {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-height: 34px;
    padding: 0 13px;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-small);
    background: var(--surface);
    color: var(--text);
    font-weight: 550;
    white-space: nowrap;
    text-decoration: none;
  }
  .button:hover,
  button.plain:hover {
    background: var(--hover);
    text-decoration: none;
  }
  button.primary {
    background: var(--accent-fill);
    border-color: var(--accent-fill);
    color: var(--on-accent);
  }
  button.primary:hover:not(:disabled) {
    filter: brightness(1.08);
  }
  button.danger {
    color: var(--bad);
    border-color: currentcolor;
  }
  button.danger:hover {
    background: var(--bad-soft);
  }
  button.danger.filled {
    background: var(--bad-fill);
    border-color: var(--bad-fill);
    color: #fff;
  }
  button.quiet {
    display: inline-flex;
    align-items: center;
    justify-content: center;
    gap: 6px;
    min-width: 32px;
    min-height: 32px;
    padding: 0 7px;
    border: 0;
    border-radius: var(--radius-small);
    background: none;
    color: var(--muted);
  }
  button.quiet:hover {
    background: var(--hover);
    color: var(--text);
  }
  button:disabled {
    opacity: 0.55;
    cursor: default;
  }
  input:not([type='checkbox'], [type='radio'], [type='file']),
  select,
  textarea {
    width: 100%;
    min-height: 34px;
    padding: 6px 10px;
    border: 1px solid var(--line-strong);
    border-radius: var(--radius-small);
    background: var(--surface);
    color: var(--text);
    font: inherit;
  }
  input[type='checkbox'],
  input[type='radio'] {
    accent-color: var(--accent-fill);
    width: 16px;
    height: 16px;
    margin: 0;
  }
  textarea {
    resize: vertical;
  }
  ::placeholder {
    color: var(--muted);
    opacity: 1;
  }
  :is(input, select, textarea):focus-visible {
    outline-offset: 0;
    border-color: var(--accent);
  }
  :is(input, select, textarea)[aria-invalid='true'] {
    border-color: var(--bad);
  }
  .visually-hidden {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }
  .muted {
    color: var(--muted);
  }
  .small {
    font-size: 12.5px;
  }
  .number {
    font-variant-numeric: tabular-nums;
  }
  .cut {
    overflow: hidden;
    text-overflow: ellipsis;
    white-space: nowrap;
  }
  .row {
    display: flex;
    align-items: center;
    gap: 8px;
  }
  .row.wrap {
    flex-wrap: wrap;
  }
  .stack {
    display: grid;
    gap: var(--gap);
  }
  .grow {
    flex: 1;
    min-width: 0;
  }
`
