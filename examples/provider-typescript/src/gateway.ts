// What every program at the gateway needs: its address and credentials, tokens, operations, and which failures pass.
import type { TypedDocumentString } from './graph/graphql.js'

const RENEWED_AFTER = 0.9 // the part of a token's life after which the next one is fetched
const TIMEOUT_MS = 30_000
const KEPT_MAX = 20 // answers: the pages of one poll
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])
const PASSING = new Set(['UNAUTHENTICATED', 'RATE_LIMITED', 'INTERNAL_SERVER_ERROR', 'MEMBER_UNAVAILABLE'])
const LOST = new Set(['CURSOR_EXPIRED', 'LOG_RESTORED'])

export interface GraphError {
  message: string
  extensions?: { code?: string; problem?: string; retryAfterSeconds?: number }
}

/** Why an operation or a stream failed: `retry` is worth it, `start over` needs another cursor, `stop` is for a person. */
export class Failure extends Error {
  constructor(
    message: string,
    readonly remedy: 'retry' | 'start over' | 'stop',
    readonly waitMs = 0,
  ) {
    super(message)
  }

  /** Reads errors of the graph. Only what is known to pass does. */
  static fromErrors(errors: readonly GraphError[]): Failure {
    const told = errors.map(({ message, extensions = {} }) => {
      const { code = '', retryAfterSeconds = 0 } = extensions
      const problem = extensions.problem ?? code
      const passes = PASSING.has(code) || problem === 'FEED_RESET'
      return { text: `${problem}: ${message}`, isLost: LOST.has(problem), passes, waitMs: retryAfterSeconds * 1_000 }
    })
    const remedy = told.some(({ isLost }) => isLost) ? 'start over' : told.every(({ passes }) => passes) ? 'retry' : 'stop'
    return new Failure(told.map(({ text }) => text).join('; '), remedy, Math.max(...told.map(({ waitMs }) => waitMs)))
  }

  /** Reads an answer that is not a result: the graph's errors, or what something before the gateway says. */
  static async fromResponse(response: Response): Promise<Failure> {
    const { status } = response
    const body = (await response.json().catch(() => undefined)) as { errors?: GraphError[]; error?: string } | undefined
    if (body?.errors?.length) return Failure.fromErrors(body.errors)
    const passes = status === 401 || status === 429 || status >= 500
    return new Failure(`status ${status} ${body?.error ?? ''}`.trim(), passes ? 'retry' : 'stop')
  }
}

/** An answer and its ETag, by which the gateway says whether it still holds. */
interface Kept {
  tag: string
  data: unknown
}

export class Gateway {
  #token = ''
  #renewedAt = 0
  readonly #kept = new Map<string, Kept>()

  constructor(
    readonly url: string,
    private readonly clientId: string,
    private readonly secret: string,
  ) {}

  /** From JEMBATAN_URL and JEMBATAN_CLIENT (ID:SECRET). Throws what is wrong with them. */
  static fromEnvironment({ JEMBATAN_URL = '', JEMBATAN_CLIENT = '' } = process.env): Gateway {
    const url = URL.canParse(JEMBATAN_URL) ? new URL(JEMBATAN_URL) : undefined
    if (!(url?.protocol === 'https:' || (url?.protocol === 'http:' && LOOPBACK.has(url.hostname))))
      throw new Failure("JEMBATAN_URL must be the gateway's address and begin with https; only loopback may use http.", 'stop')
    const [id, ...secret] = JEMBATAN_CLIENT.split(':')
    if (!id || !secret.length) throw new Failure("JEMBATAN_CLIENT must be the client's ID:SECRET.", 'stop')
    return new Gateway(url.origin, id, secret.join(':'))
  }

  /** How long the present token may still be used before the next one is due. */
  get renewedInMs(): number {
    return Math.max(0, this.#renewedAt - performance.now())
  }

  /** Lets go of a token that the gateway no longer takes. */
  dropToken(): void {
    this.#renewedAt = 0
  }

  /** A token by client credentials; the next one shortly before the last one ends. */
  async getToken(): Promise<string> {
    if (this.renewedInMs > 0) return this.#token
    const askedAt = performance.now()
    const response = await send(`${this.url}/oauth/token`, {
      headers: { authorization: `Basic ${Buffer.from(`${this.clientId}:${this.secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials' }),
    })
    if (!response.ok) {
      const { remedy, message } = await Failure.fromResponse(response)
      throw new Failure(`no token: ${message}`, response.status === 401 ? 'stop' : remedy)
    }
    const granted = (await response.json()) as { access_token: string; expires_in: number }
    this.#token = granted.access_token
    this.#renewedAt = askedAt + RENEWED_AFTER * granted.expires_in * 1_000
    return this.#token
  }

  /** Runs an operation once. Throws a Failure; a result with any error is one, so that no null is taken for an answer. */
  async execute<Result, Variables>(
    document: TypedDocumentString<Result, Variables>,
    variables: Variables,
  ): Promise<Result> {
    const body = JSON.stringify({ query: document.toString(), variables })
    const kept = this.#kept.get(body)
    const response = await send(`${this.url}/graphql`, {
      headers: {
        authorization: `Bearer ${await this.getToken()}`,
        accept: 'application/graphql-response+json',
        'content-type': 'application/json',
        ...(kept && { 'if-none-match': kept.tag }),
      },
      body,
    })
    if (response.status === 304 && kept) return kept.data as Result
    if (response.status === 401) this.dropToken()
    if (!response.ok) throw await Failure.fromResponse(response)
    const { data, errors } = (await response.json()) as { data: Result; errors?: GraphError[] }
    if (errors?.length) throw Failure.fromErrors(errors)
    const tag = response.headers.get('etag')
    if (tag) this.#keep(body, { tag, data })
    return data
  }

  #keep(body: string, answer: Kept): void {
    this.#kept.set(body, answer)
    if (this.#kept.size > KEPT_MAX) this.#kept.delete(this.#kept.keys().next().value!)
  }
}

async function send(url: string, request: RequestInit): Promise<Response> {
  try {
    const response = await fetch(url, { method: 'POST', signal: AbortSignal.timeout(TIMEOUT_MS), ...request })
    // The body is read here too, so that a connection that breaks in the middle is a failure like any other.
    const body = await response.arrayBuffer()
    return new Response(response.status === 304 ? null : body, response)
  } catch (error) {
    throw new Failure(`the gateway can't be reached: ${describe(error)}`, 'retry')
  }
}

/** fetch says why in the cause of its error. */
export function describe(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  return cause instanceof Error ? (('code' in cause && String(cause.code)) || cause.message) : String(cause)
}

/** A while, or less if the program is told to stop. Doubles from try to try, up to a minute, never less than `leastMs`. */
export async function pause(tries: number, leastMs: number, stopping: AbortSignal): Promise<void> {
  const ms = Math.max(leastMs, (0.5 + Math.random() / 2) * Math.min(1_000 * 2 ** (tries - 1), 60_000))
  await sleep(ms, stopping)
}

export function sleep(ms: number, stopping: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (stopping.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      stopping.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    stopping.addEventListener('abort', done)
  })
}

export const log = (text: string) => console.error(`${new Date().toISOString()} ${text}`)
