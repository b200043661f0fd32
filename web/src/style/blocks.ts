/** The larger shapes that views are made of: a page, cards, tables, lists and forms. */
import { css } from 'lit'

export const blocks = css`
  .page {
    max-width: 1280px;
    margin: 0 auto;
    padding: 20px clamp(14px, 3vw, 32px) 40px;
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: var(--gap);
    align-content: start;
  }
  .page > header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 10px 14px;
    min-height: 36px;
  }
  .page > header h1 {
    flex: 1;
    min-width: min(100%, 100px);
  }
  .card {
    background: var(--surface);
    border: 1px solid var(--line);
    border-radius: var(--radius);
    box-shadow: var(--shadow);
    min-width: 0;
  }
  .card > header {
    display: flex;
    flex-wrap: wrap;
    align-items: center;
    gap: 6px 10px;
    min-height: 48px;
    padding: 8px 16px;
  }
  .card > header h2 {
    flex: 1;
    min-width: min-content;
    overflow-wrap: break-word;
  }
  .card > .body {
    padding: 4px 16px 16px;
  }
  .card > .body:first-child {
    padding-top: 16px;
  }
  .grid {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr));
    gap: var(--gap);
    align-items: start;
  }
  .rows > li {
    border-top: 1px solid var(--line);
  }
  .rows > li:first-child {
    border-top: 0;
  }
  .scroll-x {
    overflow-x: auto;
  }
  table {
    width: 100%;
    border-collapse: collapse;
    font-size: 13.5px;
  }
  th {
    padding: 8px 16px;
    text-align: start;
    font-size: 12px;
    font-weight: 600;
    color: var(--muted);
    white-space: nowrap;
    border-bottom: 1px solid var(--line);
  }
  td {
    padding: 9px 16px;
    vertical-align: middle;
    border-bottom: 1px solid var(--line);
  }
  tbody tr:last-child :is(td, th) {
    border-bottom: 0;
  }
  tbody tr.link:hover {
    background: var(--hover);
  }
  :is(th, td).end {
    text-align: end;
  }
  .form {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 14px;
  }
  .field {
    display: grid;
    grid-template-columns: minmax(0, 1fr);
    gap: 4px;
  }
  .field > .mono {
    font-family: var(--mono);
  }
  .field > label,
  .field > .label {
    font-size: 13px;
    font-weight: 570;
  }
  .field > .hint {
    font-size: 12.5px;
    color: var(--muted);
  }
  .field > .fault {
    font-size: 12.5px;
    color: var(--bad);
  }
  .two {
    display: grid;
    grid-template-columns: repeat(auto-fit, minmax(min(100%, 220px), 1fr));
    gap: 14px;
    align-items: start;
  }
  label.check {
    display: flex;
    align-items: center;
    gap: 8px;
  }
  .tools {
    display: flex;
    flex-wrap: wrap;
    gap: 10px;
    padding: 12px 16px;
    border-bottom: 1px solid var(--line);
  }
  .actions {
    display: flex;
    flex-wrap: wrap;
    justify-content: flex-end;
    gap: 8px;
  }
  .facts {
    display: grid;
    grid-template-columns: max-content minmax(0, 1fr);
    gap: 6px 18px;
  }
  .facts > dt {
    color: var(--muted);
  }
  .facts > dd {
    min-width: 0;
    overflow-wrap: anywhere;
  }
  pre.output {
    max-height: 340px;
    overflow: auto;
    padding: 10px 12px;
    border-radius: var(--radius-small);
    background: var(--sunken);
    white-space: pre-wrap;
    overflow-wrap: anywhere;
  }
`
