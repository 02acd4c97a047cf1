// What every Node peer shares: what it is told when it starts, the check of a bearer token, and its address.
import { createServer } from "node:http";
import { createLocalJWKSet, jwtVerify } from "jose";

const { database, keys, issuer, audience, derived } = JSON.parse(process.argv[2]);

/** Where PostgreSQL is, as `pg` takes it: as many connections as the gateway keeps. */
export const connection = database;

/** The SQL of what the gateway derives, by its name; {o} stands for the order's row. */
export { derived };

const keySet = createLocalJWKSet(keys);
const verified = new Map();

/** Return the settings of the transaction that reads for a bearer. A token is verified once and remembered until it expires, as by the gateway. */
export async function authenticate(authorization) {
  const token = authorization?.startsWith("Bearer ") ? authorization.slice(7) : null;
  if (token === null) throw new Error("A bearer token is required.");
  let known = verified.get(token);
  if (known === undefined) {
    const { payload } = await jwtVerify(token, keySet, { issuer, audience, algorithms: ["ES256"] });
    known = { expiresAt: payload.exp * 1000, settings: bindViewer(payload) };
    verified.set(token, known);
  }
  if (known.expiresAt <= Date.now()) throw new Error("The token has expired.");
  return known.settings;
}

function bindViewer({ member_id, member_kind }) {
  return {
    role: `jembatan_${member_kind.toLowerCase()}`,
    "jembatan.member_id": member_id,
    TimeZone: "UTC",
  };
}

/** Listen at a free port, and report it as a line of JSON. The process ends with its standard input. */
export function listen(serve) {
  const server = createServer();
  serve(server);
  process.stdin.on("end", () => process.exit(0)).resume();
  server.listen({ port: 0, host: "127.0.0.1" }, () => {
    process.stdout.write(`${JSON.stringify({ port: server.address().port })}\n`);
  });
}
