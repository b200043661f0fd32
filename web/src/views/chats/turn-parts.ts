/** What happened in a turn: text as Markdown, tools and thinking as one line each that opens. */
import '../../text/markdown-text.ts'
import { css, html, nothing } from 'lit'
import { customElement, property } from 'lit/decorators.js'
import type { Approval } from '../../../../protocol/approvals.ts'
import { approvalWords } from '../../approvals/words.ts'
import { icon } from '../../components/icon.ts'
import type { Tone } from '../../components/status-chip.ts'
import { PanelElement } from '../../element.ts'
import { base } from '../../style/base.ts'
import { blocks } from '../../style/blocks.ts'
import { revealed } from '../../text/revealed.ts'
import type { Part, ToolUse } from './live-turn.ts'
import { chatWords } from './words.ts'

const TONES: Readonly<Record<Approval['state'], Tone>> = {
  ...{ waiting: 'warn', allowed: 'ok', denied: 'bad', expired: 'bad', withdrawn: 'plain' },
}

/** The tool that asks for opinions. */
const QUESTIONS = 'AskUserQuestion'

/** The one thing that says most about a use of a tool: the command, the file, the question. */
const gist = (input: string): string => {
  try {
    const fields = JSON.parse(input) as Readonly<Record<string, unknown>>
    const names = ['command', 'file_path', 'path', 'pattern', 'query', 'url', 'description', 'prompt']
    const named = names.map((name) => fields[name]).find((value) => typeof value === 'string')
    return typeof named === 'string' ? named : input
  } catch {
    // Long inputs come cut, and are no JSON then.
    return input
  }
}

@customElement('turn-parts')
export class TurnParts extends PanelElement {
  static override styles = [
    base,
    blocks,
    css`
      :host {
        display: grid;
        grid-template-columns: minmax(0, 1fr);
        gap: 8px;
      }
      details {
        border: 1px solid var(--line);
        border-radius: 8px;
        background: var(--surface);
        font-size: 13px;
      }
      summary {
        display: flex;
        align-items: center;
        gap: 9px;
        min-height: 32px;
        padding: 0 10px;
        border-radius: 8px;
        color: var(--muted);
        cursor: pointer;
        list-style: none;
      }
      summary::-webkit-details-marker {
        display: none;
      }
      summary:hover {
        background: var(--hover);
      }
      summary > svg {
        flex: none;
      }
      summary b {
        font-weight: 600;
        color: var(--text);
      }
      .open-mark {
        margin-inline-start: auto;
        display: inline-flex;
        align-items: center;
        gap: 6px;
        flex: none;
      }
      details[open] .chevron {
        transform: rotate(90deg);
      }
      .chevron {
        display: inline-flex;
      }
      .bad {
        color: var(--bad);
      }
      .busy {
        color: var(--accent);
      }
      .inside {
        display: grid;
        gap: 6px;
        padding: 4px 10px 10px;
      }
      .inside p {
        font-size: 12px;
        color: var(--muted);
      }
      .thought {
        white-space: pre-wrap;
        overflow-wrap: anywhere;
        color: var(--muted);
      }
      .asked {
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 4px 8px;
        color: var(--muted);
        font-size: 13px;
        overflow-wrap: anywhere;
      }
      .asked b {
        color: var(--text);
        font-weight: 600;
      }
      .notice {
        display: flex;
        gap: 8px;
        color: var(--warn);
        font-size: 13px;
      }
    `,
  ]

  @property({ attribute: false }) parts: readonly Part[] = []
  /** What came of the permissions that were asked for, by their ids. */
  @property({ attribute: false }) approvals: ReadonlyMap<string, Approval> = new Map()

  override render() {
    return this.parts.map((part) => this.#part(part))
  }

  #part(part: Part): unknown {
    const words = chatWords()
    switch (part.kind) {
      case 'text':
        return html`<markdown-text .text=${part.text}></markdown-text>`
      case 'notice':
        return html`<p class="notice">${icon('info', 16)}<span>${part.text}</span></p>`
      case 'thinking':
        return html`<details>
          <summary>
            ${icon('thinking', 16)}<span>${words.thinking}</span>
            <span class="open-mark"><span class="chevron">${icon('chevron', 14)}</span></span>
          </summary>
          <div class="inside"><p class="thought">${part.text}</p></div>
        </details>`
      case 'approval':
        return this.#asked(part, this.approvals.get(part.approval_id))
      case 'tool':
        return this.#tool(part)
    }
  }

  #asked({ tool, title }: Extract<Part, { kind: 'approval' }>, approval: Approval | undefined): unknown {
    const words = approvalWords()
    return html`<p class="asked">
      ${icon('key', 16)}${tool === QUESTIONS ? words.askedQuestion : html`<span>${words.asked}: <b>${revealed(title)}</b></span>`}
      ${
        approval === undefined
          ? nothing
          : html`<status-chip tone=${TONES[approval.state]}>${words.state[approval.state]}</status-chip
              >${approval.note === null ? nothing : html`<span>${revealed(approval.note)}</span>`}`
      }
    </p>`
  }

  #tool({ name, input, result, isError }: ToolUse): unknown {
    const words = chatWords()
    const state = result === undefined ? words.toolRuns : isError ? words.toolFailed : words.toolDone
    return html`<details>
      <summary>
        ${icon('tool', 16)}<b>${name}</b><code class="cut">${gist(input)}</code>
        <span class="open-mark ${result === undefined ? 'busy' : isError ? 'bad' : ''}"
          >${state}<span class="chevron">${icon('chevron', 14)}</span></span
        >
      </summary>
      <div class="inside">
        <p>${words.input}</p>
        <pre class="output" tabindex="0">${input}</pre>
        ${
          result === undefined
            ? nothing
            : html`<p>${words.result}</p>
              <pre class="output" tabindex="0">${result}</pre>`
        }
      </div>
    </details>`
  }
}
