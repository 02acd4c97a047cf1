// Every audit of graphql-http, also those of what a server only should do. Some read the schema, for which a token is needed.
import { auditServer } from 'graphql-http'
import { check, config, obtainToken } from './report.mjs'

const authorization = `Bearer ${await obtainToken(config.issuer, config.machine)}`
const fetchFn = (url, options) => fetch(url, { ...options, headers: { ...options?.headers, authorization } })
const results = await auditServer({ url: `${config.issuer}/graphql`, fetchFn })
for (const { id, name, status, reason } of results) check(`${id} ${name}`, status === 'ok', { status, reason })
check('nothing was left out', results.length >= 61, results.length)
