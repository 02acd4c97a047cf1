// Follows a subscription with a graphql-ws or graphql-sse client, and resumes after every end that is not final.
const PASSING = new Set(['RATE_LIMITED', 'INTERNAL_SERVER_ERROR', 'TOO_MANY_STREAMS', 'TOKEN_EXPIRED', 'FEED_RESET'])
const isPassingEnd = ({ extensions: { code, problem } = {} }) => PASSING.has(code) || PASSING.has(problem)

// GraphQL errors, the close of a socket, or what graphql-sse reports about a connection.
function isPassing(cause) {
  if (Array.isArray(cause)) return cause.some(isPassingEnd)
  if (cause.name === 'NetworkError') return !(cause.response?.status < 500 && cause.response.status !== 429)
  return cause.code === 4500 || PASSING.has(cause.reason)
}

export function follow(client, request, sink, waitMs = () => 1_000 + 2_000 * Math.random()) {
  // A client that reconnects by itself sends this same object again, so it must always hold the last cursor.
  const payload = { ...request, extensions: { ...request.extensions } }
  const keep = (extensions) => (payload.extensions.cursor = extensions?.cursor ?? payload.extensions.cursor)
  let stop, timer

  function open() {
    let end
    const finish = () => {
      if (!end) sink.complete()
      else if (isPassing(end)) timer = setTimeout(open, waitMs())
      else sink.error(end)
    }
    stop = client.subscribe(payload, {
      next(result) {
        keep(result.extensions)
        if ('data' in result) sink.next(result)
        else end = result.errors
      },
      error(cause) {
        keep(cause[0]?.extensions)
        end = cause
        finish()
      },
      complete: finish,
    })
  }

  open()
  return () => {
    clearTimeout(timer)
    stop()
  }
}
