// Fraud signals and the place up to which they were followed, in one file of JSON lines.
//
// A line holds what one message said and its cursor, so the two can't disagree: either the line is there or it is not.
// Replace it with your own database; what matters is that a message and its cursor are written in one transaction.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, truncateSync, writeSync } from 'node:fs'

/** A signal. What is null is not told, and leaves what was known. */
export interface Signal {
  id: string
  state: string | null
  risk: string | null
  category: string | null
  validUntil: string | null
  hashes: string[] | null
}

interface Line {
  cursor: string
  signals: Signal[]
}

export class Journal {
  readonly signals = new Map<string, Signal>()
  #cursor: string | undefined
  #file: number

  constructor(private readonly path: string) {
    const text = existsSync(path) ? readFileSync(path, 'utf8') : ''
    const whole = text.slice(0, text.lastIndexOf('\n') + 1) // a crash may have cut the last line
    if (whole.length < text.length) truncateSync(path, Buffer.byteLength(whole))
    for (const line of whole.split('\n').filter(Boolean)) this.#keep(JSON.parse(line))
    this.#file = openSync(path, 'a')
  }

  /** The place after the last message; undefined before the first start. */
  get cursor(): string | undefined {
    return this.#cursor
  }

  /** Writes what one message says, if anything, and its cursor; both are on disk when it returns. */
  take(signal: Signal | undefined, cursor: string): void {
    const line = { cursor, signals: signal ? [signal] : [] }
    append(this.#file, line)
    this.#keep(line)
  }

  /** Begins again with exactly these signals; any other has ended, and what was done because of it is undone. */
  replace(signals: Signal[], cursor: string): void {
    const line = { cursor, signals }
    const next = openSync(`${this.path}.next`, 'w')
    append(next, line)
    renameSync(`${this.path}.next`, this.path)
    closeSync(this.#file)
    this.#file = next
    this.signals.clear()
    this.#keep(line)
  }

  #keep({ cursor, signals }: Line): void {
    for (const signal of signals) {
      const told = Object.fromEntries(Object.entries(signal).filter(([, value]) => value !== null))
      this.signals.set(signal.id, { ...this.signals.get(signal.id), ...told } as Signal)
    }
    this.#cursor = cursor
  }
}

function append(file: number, line: Line): void {
  writeSync(file, `${JSON.stringify(line)}\n`)
  fsyncSync(file)
}
