// graphql-yoga over pg, as a team would write it by hand: a transaction under the viewer's role for each operation, and a
// DataLoader for each relationship.
import DataLoader from "dataloader";
import { createSchema, createYoga } from "graphql-yoga";
import pg from "pg";
import { authenticate, connection, derived, listen } from "./setting.mjs";

const ORDER = `id, version, state, due_at AS "dueAt", e164, ${derive("orderNo")}, ${derive("status")}`;
const NUMBER = "e164, status, risk";
const COMPLAINT = `id, source_reference AS "sourceReference", medium, category, state, filed_at AS "filedAt", e164`;
const BIND = "SELECT set_config(key, value, true) FROM json_each_text($1)";

function derive(name) {
  return `${derived[name].replaceAll("{o}", "block_orders")} AS "${name}"`;
}

// Times go out as PostgreSQL's text has them, made ISO 8601: a Date would lose the microseconds.
const readTime = (text) => `${text.replace(" ", "T")}:00`;
const pool = new pg.Pool({
  ...connection,
  options: "-c TimeZone=UTC",
  types: { getTypeParser: (oid, format) => (oid === 1184 ? readTime : pg.types.getTypeParser(oid, format)) },
});

/** Return a function that runs one prepared statement of the operation and returns its rows. */
function reading(client) {
  return async (name, text, ...values) => (await client.query({ name, text, values })).rows;
}

function loaders(read) {
  const of = (key, rows, name) => {
    const found = Map.groupBy(rows, (row) => row[name]);
    return key.map((each) => found.get(each) ?? []);
  };
  return {
    acknowledgements: new DataLoader(async (ids) =>
      of(
        ids,
        await read(
          "acknowledgements",
          `SELECT order_id, kind, reference, recorded_at AS "recordedAt", is_late AS "isLate"
           FROM order_acknowledgements WHERE order_id = ANY($1::uuid[]) ORDER BY id`,
          ids,
        ),
        "order_id",
      ),
    ),
    numbers: new DataLoader(async (e164s) =>
      of(
        e164s,
        await read("numbers", `SELECT ${NUMBER} FROM phone_numbers WHERE e164 = ANY($1::text[])`, e164s),
        "e164",
      ).map(([number]) => number ?? null),
    ),
    orders: new DataLoader(async (e164s) =>
      of(
        e164s,
        await read("orders", `SELECT ${ORDER} FROM block_orders WHERE e164 = ANY($1::text[]) ORDER BY id`, e164s),
        "e164",
      ),
    ),
  };
}

const schema = createSchema({
  typeDefs: /* GraphQL */ `
    scalar E164
    enum ComplaintState { SUBMITTED NEEDS_INFO VERIFIED REJECTED DUPLICATE WITHDRAWN ESCALATED RESOLVED REOPENED }
    enum Category {
      FRAUD IMPERSONATION FICTITIOUS_INVESTMENT ONLINE_GAMBLING SPAM_ADVERT VOICE_PHISHING EXTORTION
      ILLEGAL_LENDING_COLLECTION NIK_MISUSE SUBSCRIPTION_FRAUD OTHER
    }
    input ComplaintFilter { states: [ComplaintState!] categories: [Category!] }
    type Acknowledgement { kind: String! reference: String! recordedAt: String! isLate: Boolean! }
    type PhoneNumber { e164: E164! status: String risk: String! blockOrders: [BlockOrder!]! }
    type BlockOrder {
      id: ID!
      orderNo: String!
      version: Int!
      state: String!
      status: String!
      dueAt: String
      number: PhoneNumber
      acknowledgements: [Acknowledgement!]!
    }
    type Complaint {
      id: ID!
      sourceReference: String
      medium: String!
      category: Category!
      state: ComplaintState!
      filedAt: String!
      number: PhoneNumber
    }
    type BlockOrderConnection { nodes: [BlockOrder!]! totalCount: Int! }
    type ComplaintConnection { nodes: [Complaint!]! }
    type Query {
      blockOrders(first: Int!): BlockOrderConnection!
      number(e164: E164!): PhoneNumber
      complaints(first: Int!, filter: ComplaintFilter): ComplaintConnection!
    }
  `,
  resolvers: {
    Query: {
      blockOrders: (_root, { first }) => ({ first }),
      number: (_root, { e164 }, { load }) => load.numbers.load(e164),
      complaints: (_root, { first, filter }) => ({ first, filter }),
    },
    BlockOrderConnection: {
      nodes: ({ first }, _arguments, { read }) =>
        read("soonest", `SELECT ${ORDER} FROM block_orders ORDER BY due_at, id LIMIT $1`, first),
      totalCount: async (_page, _arguments, { read }) =>
        Number((await read("count", "SELECT count(*) FROM block_orders"))[0].count),
    },
    ComplaintConnection: {
      nodes: ({ first, filter }, _arguments, { read }) =>
        read(
          "complaints",
          `SELECT ${COMPLAINT} FROM complaints WHERE ($2::text[] IS NULL OR state = ANY($2))
           AND ($3::text[] IS NULL OR category = ANY($3)) ORDER BY id DESC LIMIT $1`,
          first,
          filter?.states ?? null,
          filter?.categories ?? null,
        ),
    },
    BlockOrder: {
      acknowledgements: ({ id }, _arguments, { load }) => load.acknowledgements.load(id),
      number: ({ e164 }, _arguments, { load }) => load.numbers.load(e164),
    },
    Complaint: { number: ({ e164 }, _arguments, { load }) => load.numbers.load(e164) },
    PhoneNumber: { blockOrders: ({ e164 }, _arguments, { load }) => load.orders.load(e164) },
  },
});

/** Bind the viewer before an operation is executed, and end its transaction after it. */
const bound = {
  async onExecute({ args, extendContext }) {
    const settings = await authenticate(args.contextValue.request.headers.get("authorization"));
    const client = await pool.connect();
    try {
      await client.query("BEGIN TRANSACTION READ ONLY");
      await client.query({ name: "bind", text: BIND, values: [JSON.stringify(settings)] });
    } catch (error) {
      client.release(error);
      throw error;
    }
    const read = reading(client);
    extendContext({ read, load: loaders(read) });
    return {
      async onExecuteDone() {
        await client.query("COMMIT");
        client.release();
      },
    };
  },
};

const yoga = createYoga({ schema, plugins: [bound], graphiql: false, logging: "error", landingPage: false });
listen((server) => server.on("request", yoga));
