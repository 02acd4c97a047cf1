// PostGraphile 5 over the same tables, as its documentation shows it: one joined statement a request, under the viewer's
// role. Two fields that the gateway derives are added in the way it offers for that.
import { Pool } from "pg";
import { postgraphile } from "postgraphile";
import { makePgService } from "postgraphile/adaptors/pg";
import { TYPES } from "postgraphile/@dataplan/pg";
import { grafserv } from "postgraphile/grafserv/node";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { extendSchema, gql } from "postgraphile/utils";
import { authenticate, connection, derived, listen } from "./setting.mjs";

/** Return an expression over the row of a step; {o} is the row's name in the text. */
function derive(sql, text, $row) {
  const { alias } = $row.getClassStep();
  const parts = text.split("{o}").flatMap((part, place) => (place ? [alias, sql.raw(part)] : [sql.raw(part)]));
  return sql`(${sql.join(parts, "")})`;
}

const Derived = extendSchema(({ sql }) => ({
  typeDefs: gql`
    extend type BlockOrder {
      orderNo: String!
      status: String!
    }
  `,
  objects: {
    BlockOrder: {
      plans: {
        orderNo: ($order) => $order.select(derive(sql, derived.orderNo, $order), TYPES.text),
        status: ($order) => $order.select(derive(sql, derived.status, $order), TYPES.text),
      },
    },
  },
}));

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [Derived],
  // Which column a role may read is left to the grants, and an unindexed one may be a condition.
  disablePlugins: ["PgRBACPlugin", "PgIndexBehaviorsPlugin"],
  schema: { defaultBehavior: "+connection +list" },
  pgServices: [makePgService({ pool: new Pool(connection), schemas: ["public"] })],
  grafserv: { graphqlPath: "/graphql", graphiql: false, watch: false },
  grafast: {
    explain: false,
    context: async ({ node }) => ({ pgSettings: await authenticate(node?.req.headers.authorization) }),
  },
});

await instance.getSchema();
listen((server) => instance.createServ(grafserv).addTo(server));
