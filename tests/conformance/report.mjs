// One line a check; the first failure ends the run with its text.
export const config = JSON.parse(process.env.JEMBATAN_CONFORMANCE)
let count = 0

export function check(name, condition, shown) {
  if (!condition) throw new Error(`not ok - ${name}: ${JSON.stringify(shown)}`)
  count += 1
  console.log(`ok ${count} - ${name}`)
}

export async function refuses(name, error, work) {
  try {
    await work()
  } catch (cause) {
    const challenge = Array.isArray(cause.cause) ? cause.cause[0]?.parameters.error : undefined
    const code = cause.error ?? challenge ?? cause.cause?.error ?? cause.code
    return check(name, code === error, { code, message: cause.message, cause: cause.cause })
  }
  throw new Error(`not ok - ${name}: nothing was refused`)
}

export const readKey = (jwk) =>
  crypto.subtle.importKey('jwk', jwk, { name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign'])

export async function obtainToken(issuer, { id, secret }) {
  const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const body = new URLSearchParams({ grant_type: 'client_credentials' })
  const response = await fetch(`${issuer}/oauth/token`, { method: 'POST', headers: { authorization }, body })
  return (await response.json()).access_token
}
