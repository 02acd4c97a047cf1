// graphql-yoga with graphql-ws as its documentation shows it, fanned out by its own pub/sub.
// It reports its port as a line of JSON, and reads one event per line. ws doesn't compress unless asked to.
import { setMaxListeners } from "node:events";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

// The pub/sub adds a listener for each subscriber, and Node would warn about the eleventh.
setMaxListeners(0);

const TOPIC = "blockRequestEvents";
const pubSub = createPubSub();

const schema = createSchema({
  typeDefs: /* GraphQL */ `
    type Event {
      kind: String!
      state: String!
      orderNo: String!
      recordedAt: String!
    }
    type BlockRequestEvent {
      cursor: String!
      event: Event!
    }
    type Query {
      ready: Boolean!
    }
    type Subscription {
      blockRequestEvents: BlockRequestEvent!
    }
  `,
  resolvers: {
    Query: { ready: () => true },
    Subscription: {
      blockRequestEvents: {
        subscribe: (_root, _arguments, context) => pubSub.subscribe(TOPIC, context.connectionParams.carrier),
        resolve: (event) => event,
      },
    },
  },
});

const yoga = createYoga({ schema, graphiql: false, logging: "error" });
const http = createServer(yoga);
const sockets = new WebSocketServer({ server: http, path: yoga.graphqlEndpoint });

useServer(
  {
    execute: (operation) => operation.rootValue.execute(operation),
    subscribe: (operation) => operation.rootValue.subscribe(operation),
    onSubscribe: async (context, _id, params) => {
      const { schema, execute, subscribe, contextFactory, parse, validate } = yoga.getEnveloped({
        ...context,
        req: context.extra.request,
        socket: context.extra.socket,
        params,
      });
      const operation = {
        schema,
        operationName: params.operationName,
        document: parse(params.query),
        variableValues: params.variables,
        contextValue: await contextFactory(),
        rootValue: { execute, subscribe },
      };
      const errors = validate(operation.schema, operation.document);
      return errors.length ? errors : operation;
    },
  },
  sockets,
);

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { carrier, cursor, ...event } = JSON.parse(line);
    pubSub.publish(TOPIC, carrier, { cursor, event });
  })
  .on("close", () => process.exit(0));

http.listen({ port: 0, host: "127.0.0.1", backlog: 2048 }, () => {
  process.stdout.write(`${JSON.stringify({ port: http.address().port })}\n`);
});
