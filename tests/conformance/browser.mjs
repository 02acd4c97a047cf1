// A browser with a person in it: follows redirects within the issuer, fills in forms, and stops where the client's
// own callback would be opened.
export async function logIn(url, { login, password, callback }) {
  const cookies = new Map()
  let request = { url: String(url) }
  for (let step = 0; step < 12; step++) {
    const { url: address, ...init } = request
    const headers = { ...init.headers, cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
    const response = await fetch(address, { ...init, headers, redirect: 'manual' })
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split(/=(.*)/s)
      cookies.set(name, value)
    }
    if (response.status >= 300 && response.status < 400) {
      const location = new URL(response.headers.get('location'), address)
      if (location.href.startsWith(callback)) return location
      request = { url: location.href }
      continue
    }
    const page = await response.text()
    if (response.status !== 200) throw new Error(`${response.status} ${address}\n${page}`)
    request = fillIn(page, address, { login, password })
  }
  throw new Error('no end of pages')
}

function fillIn(page, address, answers) {
  const form = page.match(/<form [^>]*action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/)
  const fields = new URLSearchParams()
  for (const [tag] of form[2].matchAll(/<(?:input|button)[^>]*>/g)) {
    const name = tag.match(/ name="([^"]*)"/)?.[1]
    if (!name || fields.has(name)) continue
    fields.set(name, answers[name] ?? unescape_(tag.match(/ value="([^"]*)"/)?.[1] ?? ''))
  }
  const action = new URL(unescape_(form[1]), address)
  const headers = { 'content-type': 'application/x-www-form-urlencoded', origin: action.origin }
  return { url: action.href, method: 'POST', headers, body: fields.toString() }
}

const unescape_ = (text) => text.replaceAll('&amp;', '&').replaceAll('&#34;', '"').replaceAll('&#39;', "'")
